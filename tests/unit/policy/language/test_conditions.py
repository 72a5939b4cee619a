from __future__ import annotations

import pytest

from gateway.policy.language.conditions import NOWHERE, Condition, ListRef, Selection, Span
from gateway.policy.problems import Place


@pytest.mark.parametrize(
    ("name", "argument", "fact"),
    [
        ("client.ip", None, "client.ip"),
        ("header", "x-token", "header.x-token"),
        ("query", "a.b", "query.a.b"),
        ("host", None, "host"),
    ],
)
def test_a_condition_knows_its_fact_and_the_field_it_looks_at(name: str, argument: str | None, fact: str) -> None:
    condition = Condition(fact, "is", ("x",))

    assert (name, argument) == (condition.name, condition.argument)


def test_where_something_stands_is_no_part_of_what_it_says() -> None:
    there = Place("x", 3, 4)

    assert Condition("host", "in", (ListRef("ads", there),), there) == Condition(
        "host", "in", (ListRef("ads"),), NOWHERE
    )
    assert str(ListRef("ads")) == "@ads"


def test_a_span_holds_both_its_ends() -> None:
    span = Span(8000, 8099)

    assert [port in span for port in (7999, 8000, 8099, 8100)] == [False, True, True, False]
    assert str(span) == "8000-8099"
    assert str(Span(443, 443)) == "443"


def test_a_selection_gathers_the_conditions_of_all_its_blocks() -> None:
    one, two, three, four = (Condition("port", "in", (Span(port, port),)) for port in (1, 2, 3, 4))

    assert Selection((one,), (two,), ((three,), (four,))).conditions == (one, two, three, four)
    assert Selection().conditions == ()
