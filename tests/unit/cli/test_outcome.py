from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli import outcome

if TYPE_CHECKING:
    import pytest


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
