from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from gateway.cli.outcome import Unusable
from gateway.cli.why import main
from tests.unit.audit.reading.made import decision, end, name, write
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from pathlib import Path

POLICY = """version: 1
name: p
default: {action: allow}
rules:
  - {id: no-ads, action: deny, reason: Ads, when: {host: {is: [a.example]}}}
  - {id: no-upload, action: deny, reason: Up, when: {host: {is: [a.example]}}}
"""
LATER = {"verdict": "deny", "reason": "upstream-refused", "rule": None}


@pytest.fixture
def state(tmp_path: Path) -> Path:
    (tmp_path / "p.yaml").write_text(POLICY, encoding="utf-8")
    records = [
        {"v": 1, "seq": 1} | SAMPLES["policy"] | {"file": str(tmp_path / "p.yaml")},
        decision(2, host="a.example", path="/one"),
        decision(3, host="a.example", path="/two", client="10.9.9.9"),
        decision(4, "allow", host="c.example"),
        end(5, 4, status=502, decision=LATER),
        decision(6, "allow", host="d.example"),
        end(7, 6),
    ]
    write(tmp_path / "audit", records)
    return tmp_path


def asked(state: Path, capsys: pytest.CaptureFixture[str], *arguments: str) -> dict[str, Any]:
    assert main([*arguments, "--state", str(state), "--format", "json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert isinstance(found, dict)
    return found


def test_from_a_host_to_the_rule_the_line_and_the_way_out(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["a.example", "--state", str(state)]) == 0

    out = capsys.readouterr().out
    first = out.splitlines()[0]
    assert first.endswith(
        "GET https://a.example/two?token=REDACTED&page=REDACTED  rule-deny  no-ads (corporate.yaml:21)"
    )
    for line in (
        "  decided by rule `no-ads` at corporate.yaml:21",
        "  on list `ads` as `ads.example`, 2d old",
        f"  decision {name(3)}",
        "        waives: [no-ads, no-upload]",
        f"what {state / 'p.yaml'} says now",
        "  denied by rule `no-ads`",
        "before that",
    ):
        assert line in out.splitlines(), line


@pytest.mark.parametrize(
    ("wanted", "arguments"),
    [
        (3, ["a.example"]),
        (3, ["*.a.example"]),
        (3, ["A.example/anything"]),
        (2, ["a.example", "--client", "10.1.0.0/16"]),
        (2, ["https://a.example/one"]),
        (3, ["https://a.example/other"]),
        (2, [name(2).lower()]),
        (4, ["c.example"]),
        (6, [name(6)]),
    ],
)
def test_what_somebody_complains_about_is_found(
    wanted: int, arguments: list[str], state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert asked(state, capsys, *arguments)["record"]["seq"] == wanted


def test_what_was_refused_later_and_what_was_not_refused(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    later = asked(state, capsys, "c.example")
    assert (later["refused"], later["reason"], later["end"]["seq"]) == (True, "upstream-refused", 5)
    assert later["now"]["decision"]["verdict"] == "allow"

    allowed = asked(state, capsys, name(6))
    assert (allowed["refused"], allowed["advice"]) == (False, None)
    assert main([name(6), "--state", str(state)]) == 0
    assert "  it was not refused" in capsys.readouterr().out.splitlines()


def test_nothing_on_record_is_a_finding(state: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["none.example", "--client", "10.1.2.3", "--state", str(state)]) == 1
    assert "why: no refusal of `none.example` for `10.1.2.3` is on record in" in capsys.readouterr().err
    write(state / "audit", b"broken\n")
    assert main(["none.example", "--state", str(state)]) == 3


def test_no_log_and_no_address_are_told(state: Path) -> None:
    with pytest.raises(Unusable, match="there is no log in"):
        main(["a.example", "--state", str(state / "none")])
    with pytest.raises(Unusable, match="is no address"):
        main(["http://[::1", "--state", str(state)])


def test_a_policy_that_cannot_be_asked_is_told_and_the_rest_is_said(
    state: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["a.example", "--policy", str(state / "none.yaml"), "--state", str(state)]) == 0

    assert "what the policy says now cannot be told: " in capsys.readouterr().out
