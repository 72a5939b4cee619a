from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli import outcome

if TYPE_CHECKING:
    from gateway.cli.outcome import Form


def test_the_exit_codes_are_those_that_are_published() -> None:
    published = (outcome.OK, outcome.FINDINGS, outcome.WRONG_USAGE, outcome.CANNOT_DECIDE)

    assert published == (0, 1, 2, 3)


def test_every_problem_gets_its_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome.complain("no such policy", "no such list") == outcome.WRONG_USAGE

    said = capsys.readouterr()
    assert said.out == ""
    assert said.err == "no such policy\nno such list\n"


def test_what_is_unusable_keeps_all_of_its_problems() -> None:
    error = outcome.Unusable("one", "two")

    assert error.problems == ("one", "two")
    assert str(error) == "one\ntwo"


def test_a_log_for_programs_holds_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    outcome.tell("the application listens", "json")
    outcome.complain("no such\npolicy", form="json")

    said = [json.loads(line) for line in capsys.readouterr().err.splitlines()]
    assert [(line["level"], line["sentence"]) for line in said] == [
        ("info", "the application listens"),
        ("error", "no such\npolicy"),
    ]


@pytest.mark.parametrize(("form", "told"), [("json", "json"), (None, "text")])
def test_what_is_unusable_is_told_in_the_form_that_was_asked_for(form: Form | None, told: Form) -> None:
    with pytest.raises(outcome.Unusable) as refused, outcome.told_in(form):
        raise outcome.Unusable("one")

    assert refused.value.form == told
