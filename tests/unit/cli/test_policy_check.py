from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.outcome import OK, WRONG_USAGE
from gateway.cli.policy_check import check
from gateway.policy.model import Mode

ROOT = Path(__file__).parents[3]
MISTAKES = ROOT / "tests" / "data" / "policies" / "ten-mistakes.yaml"
GOOD = "version: 1\ndefault: {action: deny}\nrules: [{id: a, action: allow, reason: x, when: {port: [443]}}]\n"
WALL = """
version: 1
default: {action: allow}
rules: [{id: no-put, action: deny, reason: x, when: {method: [PUT]}}]
tls: {splice: [{id: bank, reason: x, when: {host: {under: [bank.example]}}}]}
"""
NOW = 1_795_000_000.0


@pytest.fixture
def good(tmp_path: Path) -> Path:
    path = tmp_path / "good.yaml"
    path.write_text(GOOD, "utf-8")
    return path


def test_a_policy_without_a_mistake_is_fine(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check([good], None, "text", NOW) == OK
    assert capsys.readouterr() == (f"{good}: fine, forward, 1 rule, default deny\n", "")


def test_every_mistake_of_every_file_is_told_on_standard_error(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = good.with_name("other.yaml")
    other.write_text("version: 2", "utf-8")

    assert check([MISTAKES, good, other], None, "text", NOW) == WRONG_USAGE

    out, err = capsys.readouterr()
    assert out == f"{good}: fine, forward, 1 rule, default deny\n"
    assert err.count(f"{MISTAKES}:") == 10
    assert err.count(f"{other}:") == 2


def test_programs_get_every_problem_with_its_place(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check([good, MISTAKES], None, "json", NOW) == WRONG_USAGE

    out, err = capsys.readouterr()
    fine, broken = json.loads(out)["policies"]
    assert (fine["fine"], fine["name"], fine["mode"], fine["problems"]) == (True, "good", "forward", [])
    assert fine["digest"].startswith("sha256:")
    assert (broken["fine"], len(broken["problems"])) == (False, 10)
    assert broken["problems"][0]["line"] == 3
    assert err == ""


def test_a_wall_is_a_mistake_only_where_there_are_tunnels(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(WALL, "utf-8")

    assert check([good], None, "text", NOW) == WRONG_USAGE
    mistake, way_out = capsys.readouterr().err.splitlines()
    assert mistake.startswith(f"{good}:4:")
    assert way_out == f"{good}: a reverse gateway could use it, `--mode reverse` checks it for one"
    assert check([good], Mode.REVERSE, "text", NOW) == OK


def test_the_cases_beside_a_policy_say_which_way_it_faces(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(WALL, "utf-8")
    cases = "policy: good.yaml\nmode: reverse\ncases: [{name: x, url: 'http://a.example/', expect: allow}]\n"
    good.with_name("good.cases.yaml").write_text(cases, "utf-8")

    assert check([good], None, "text", NOW) == OK
    assert ": fine, reverse, " in capsys.readouterr().out
    assert check([good], Mode.FORWARD, "text", NOW) == WRONG_USAGE


def test_cases_that_cannot_be_read_are_told_too(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.with_name("good.cases.yaml").write_text("policy: good.yaml\n", "utf-8")

    assert check([good], None, "text", NOW) == WRONG_USAGE
    assert "good.cases.yaml:1:1  `cases` is missing" in capsys.readouterr().err


def test_cases_are_for_another_verb(capsys: pytest.CaptureFixture[str]) -> None:
    assert check([ROOT / "policies" / "api.cases.yaml"], None, "text", NOW) == WRONG_USAGE
    assert "this is a file of cases, `wicketgate policy test` runs it" in capsys.readouterr().err


def test_what_an_author_should_know_is_no_mistake(good: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good.write_text(
        GOOD.replace("action: allow", "action: deny")
        + "exceptions: [{id: e, waives: [a], when: {user: [b]}, expires: 2020-01-01, owner: o, reason: x}]\n",
        "utf-8",
    )

    assert check([good], None, "text", NOW) == OK
    assert f"  notice: {good}:4:14  exceptions[0].expires: the exception `e` has expired" in capsys.readouterr().out
