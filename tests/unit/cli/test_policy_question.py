from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, Unusable
from gateway.cli.policy_question import ask
from gateway.policy.analysis.requests import Question
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from pathlib import Path

NOW = 1_795_000_000.0
POLICY = """
version: 1
default: {action: allow}
rules: [{id: no-ads, action: deny, reason: Advertising, when: {host: {under: [ads.example]}}}]
"""
KNOWN = {"client.ip": ("10.1.2.3",), "destination.ip": ("93.184.216.34",)}


@pytest.fixture
def policy(tmp_path: Path) -> Path:
    path = tmp_path / "p.yaml"
    path.write_text(POLICY, "utf-8")
    return path


def test_an_allow_is_explained(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = Question(url="http://example.com/", given=KNOWN)

    assert ask(policy, Mode.FORWARD, question, "text", NOW) == OK
    assert capsys.readouterr().out.splitlines() == [
        "allowed: no rule denies it, and the default is to allow",
        f"  at {policy}:3",
    ]


def test_a_deny_names_its_rule_and_where_it_stands(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = Question(url="http://www.ads.example/", given=KNOWN)

    assert ask(policy, Mode.FORWARD, question, "text", NOW) == FINDINGS
    assert capsys.readouterr().out.splitlines()[:3] == [
        "denied by rule `no-ads`",
        "  reason: Advertising",
        f"  at {policy}:4",
    ]


def test_a_deny_for_want_of_a_fact_is_no_decision_and_says_how_to_get_one(
    policy: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    question = Question(url="http://example.com/", given={"client.ip": ("10.1.2.3",)})

    assert ask(policy, Mode.FORWARD, question, "text", NOW) == CANNOT_DECIDE
    assert "  say what destination.ip is with `--destination`" in capsys.readouterr().out.splitlines()


def test_programs_get_the_decision_as_the_log_has_it(policy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    question = Question(url="http://ads.example/", given=KNOWN)

    assert ask(policy, Mode.FORWARD, question, "json", NOW) == FINDINGS

    answer = json.loads(capsys.readouterr().out)
    assert answer["decision"]["verdict"] == "deny"
    assert answer["decision"]["reason"] == "rule-deny"
    assert answer["decision"]["rule"] == "no-ads"
    assert answer["message"] == "Advertising"


@pytest.mark.parametrize(
    ("said", "question"),
    [
        ("authority `e:x`: the port has to be a plain number from 1 to 65535", Question(url="http://e:x/")),
        ("unknown fact `usr`, did you mean `user`?", Question(url="http://e/", given={"usr": ("a",)})),
    ],
)
def test_a_question_that_makes_no_sense_is_refused(policy: Path, said: str, question: Question) -> None:
    with pytest.raises(Unusable) as caught:
        ask(policy, Mode.FORWARD, question, "text", NOW)

    assert caught.value.problems == (said,)


def test_a_policy_that_makes_no_sense_answers_nothing(policy: Path) -> None:
    policy.write_text("version: 1", "utf-8")

    with pytest.raises(Unusable, match="`default` is missing"):
        ask(policy, Mode.FORWARD, Question(url="http://e/"), "text", NOW)
