from __future__ import annotations

import argparse
import json
from typing import TYPE_CHECKING

from gateway.cli.output import add_format, answer, problem_data
from gateway.policy.problems import Place, Problem

if TYPE_CHECKING:
    import pytest


def test_people_get_lines_and_programs_get_one_object(capsys: pytest.CaptureFixture[str]) -> None:
    answer("text", ["one", "two"], {"a": 1})
    assert capsys.readouterr().out == "one\ntwo\n"

    answer("json", ["one", "two"], {"a": "ü"})
    printed = capsys.readouterr().out
    assert json.loads(printed) == {"a": "ü"}
    assert "ü" in printed


def test_text_is_what_people_get_unasked() -> None:
    parser = argparse.ArgumentParser()
    add_format(parser)

    assert parser.parse_args([]).format == "text"
    assert parser.parse_args(["--format", "json"]).format == "json"


def test_a_problem_keeps_its_place_apart_for_programs() -> None:
    assert problem_data(Problem(Place("x.yaml", 3, 4), "rules[0]", "is odd")) == {
        "file": "x.yaml",
        "line": 3,
        "column": 4,
        "path": "rules[0]",
        "message": "is odd",
    }
