from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.cli.outcome import FINDINGS, OK, Unusable
from gateway.cli.policy_cases import try_out

POLICIES = Path(__file__).parents[3] / "policies"
NOW = 1_795_000_000.0
POLICY = """
version: 1
default: {action: allow}
rules:
  - {id: no-ads, action: deny, reason: Advertising, when: {host: {under: [ads.example]}}}
  - {id: no-ftp, action: deny, reason: Old, when: {port: [21]}}
"""
CASES = """
policy: p.yaml
given: {client.ip: 10.1.2.3, destination.ip: 93.184.216.34}
cases:
  - {name: an advertisement, url: "http://ads.example/", expect: deny, rule: no-ads}
  - {name: a page, url: "http://example.com/", expect: deny, rule: no-ads}
require: {rule_coverage: 100%}
"""


@pytest.fixture
def cases(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY, "utf-8")
    path = tmp_path / "p.cases.yaml"
    path.write_text(CASES, "utf-8")
    return path


@pytest.mark.parametrize("name", ["corporate", "deny-by-default", "api"])
@pytest.mark.parametrize("suffix", [".yaml", ".cases.yaml"], ids=["policy", "cases"])
def test_every_shipped_policy_answers_its_cases(name: str, suffix: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert try_out([POLICIES / f"{name}{suffix}"], "text", NOW) == OK
    assert f"{name}.cases.yaml: " in capsys.readouterr().out


def test_a_case_that_comes_out_otherwise_is_told_with_its_why(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert try_out([cases], "text", NOW) == FINDINGS

    assert capsys.readouterr().out.splitlines() == [
        f"{cases}: 2 cases, 1 failed, 50% of the rules covered",
        f"{cases}:6:5  a page: wanted deny by `no-ads`, got allow (allowed-by-default)",
        "    allowed: no rule denies it, and the default is to allow",
        f"      at {cases.parent}/p.yaml:3",
        f"{cases}: 100% of the rules must be covered, no case meets `no-ftp`",
    ]


def test_programs_get_every_case_and_what_was_decided(cases: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert try_out([cases], "json", NOW) == FINDINGS

    (report,) = json.loads(capsys.readouterr().out)["files"]
    assert (report["file"], report["passed"]) == (str(cases), False)
    assert [(case["name"], case["passed"], case["decision"]["verdict"]) for case in report["cases"]] == [
        ("an advertisement", True, "deny"),
        ("a page", False, "allow"),
    ]
    assert report["coverage"] == {"share": 0.5, "required": 1.0, "uncovered": ["no-ftp"], "untried_limits": []}


def test_missing_coverage_alone_is_a_finding(cases: Path) -> None:
    cases.write_text(CASES.replace("expect: deny, rule: no-ads}\nrequire", "expect: allow}\nrequire"), "utf-8")
    assert try_out([cases], "text", NOW) == FINDINGS

    cases.write_text(cases.read_text("utf-8").replace("100%", "50%"), "utf-8")
    assert try_out([cases], "text", NOW) == OK


def test_what_cannot_be_read_is_told_for_all_files_at_once(cases: Path) -> None:
    (cases.parent / "p.yaml").write_text(POLICY.replace("deny", "dny"), "utf-8")

    with pytest.raises(Unusable) as caught:
        try_out([cases, cases.with_name("none.cases.yaml")], "text", NOW)

    assert [problem.rpartition(": ")[2].split(",")[0] for problem in caught.value.problems] == [
        "`dny` is unknown here",
        "`dny` is unknown here",
        "no such file or directory",
    ]
