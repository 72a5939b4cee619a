from __future__ import annotations

import pytest

from gateway.policy.problems import Invalid, Place, Problem


@pytest.mark.parametrize(
    ("shown", "problem"),
    [
        (
            "policies/x.yaml:31:12  rules[2].when: unknown key `methd`, did you mean `method`?",
            Problem(Place("policies/x.yaml", 31, 12), "rules[2].when", "unknown key `methd`, did you mean `method`?"),
        ),
        ("x.yaml:1:1  the file is empty", Problem(Place("x.yaml", 1, 1), "", "the file is empty")),
    ],
)
def test_a_problem_is_one_line_with_its_place_and_path(shown: str, problem: Problem) -> None:
    assert shown == str(problem)


def test_problems_come_in_the_order_of_the_file_and_each_only_once() -> None:
    first, second, third = (Problem(Place("x", line, column), "", "m") for line, column in ((1, 9), (2, 1), (10, 1)))

    invalid = Invalid([third, first, second, first])

    assert invalid.problems == (first, second, third)
    assert str(invalid) == "x:1:9  m\nx:2:1  m\nx:10:1  m"
