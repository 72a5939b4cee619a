"""A log that a real gateway wrote, replayed and learnt from: under its own rules nothing changes, in either mode."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK
from gateway.cli.policy import main
from gateway.policy.names import Host
from tests.e2e.gateway import gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

RULES: Final = """
version: 1
name: {name}
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {{id: closed, action: deny, reason: Closed, when: {{path: {{prefix: [/closed]}}}}}}
  - {{id: bad, action: deny, reason: Bad, when: {{host: {{is: [bad.open.example]}}}}}}
  - {{id: no-put, action: deny, reason: No, when: {{method: [PUT]}}}}
  - {{id: big, action: deny, reason: Big, when: {{request.size: {{above: 1kB}}}}}}
  - {{id: lifted, action: deny, reason: Lifted, when: {{path: {{prefix: [/lifted]}}}}}}
  - {{id: trial, stage: shadow, action: deny, reason: Trial, when: {{path: {{prefix: [/trial]}}}}}}
  - {{id: found, action: deny, reason: No, when: {{response.status: [404]}}}}
exceptions:
  - {{id: ex, waives: [lifted], owner: ops, reason: x, expires: 2036-12-31, when: {{host: {{is: [a.open.example]}}}}}}
limits:
  - {{id: slow, key: [client.ip, path], rate: 1/h, burst: 1, when: {{path: {{prefix: [/slow]}}}}}}
"""
NAMES: Final = {".open.example": ["127.0.0.1"], "closed.example": ["10.0.0.1"]}
PATHS: Final = ("/", "/a?x=1", "/closed/x", "/lifted", "/trial", "/slow", "/slow", "/%63losed", "/b/../closed", "/u/17")


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The log of a gateway that has seen all kinds of requests on both of its listeners."""
    folder = tmp_path_factory.mktemp("replay")
    rules = RULES.format(name="mine")
    with (
        RecordingOrigin() as origin,
        gateway(
            folder, forward=rules, reverse=rules, upstreams=[f"http://127.0.0.1:{origin.port}"], names=NAMES
        ) as run,
    ):
        for host in ("a.open.example", "b.open.example", "bad.open.example", "closed.example", "unknown.invalid"):
            for path in PATHS:
                authority = f"{host}:{origin.port}"
                _ask(run.forward, get(f"http://{authority}{path}", authority))
                _ask(run.reverse, get(path, host))
        for body, method in ((b"x" * 10, "POST"), (b"x" * 2000, "POST"), (b"", "PUT")):
            authority = f"a.open.example:{origin.port}"
            _ask(run.forward, get(f"http://{authority}/post", authority, method=method, body=body))
            _ask(run.reverse, get("/post", "a.open.example", method=method, body=body))
        _ask(run.forward, b"CONNECT a.open.example:25 HTTP/1.1\r\nHost: a.open.example:25\r\n\r\n")
        _ask(run.forward, b"GET /no-proxy HTTP/1.1\r\nHost: a.open.example\r\n\r\n")
    return folder / "state" / "audit"


def _ask(port: int, request: bytes) -> None:
    with connect(port) as wire:
        wire.ask(request)


def _replay(
    log: Path, folder: Path, rules: str, mode: str, capsys: pytest.CaptureFixture[str]
) -> tuple[int, dict[str, Any]]:
    policy = folder / "tried.yaml"
    policy.write_text(rules, "utf-8")
    code = main(["replay", "--policy", str(policy), "--log", str(log), "--mode", mode, "--format", "json"])
    return code, json.loads(capsys.readouterr().out)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_log_replayed_under_its_own_policy_shows_no_change(
    mode: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = _replay(logs, tmp_path, RULES.format(name="mine"), mode, capsys)

    assert (code, told["groups"]) == (OK, [])
    assert told["requests"] == told["under_this_policy"] == told["same"]
    assert told["requests"] > len(PATHS)


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_the_same_rules_under_another_name_change_nothing_that_can_be_told(
    mode: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, told = _replay(logs, tmp_path, RULES.format(name="another"), mode, capsys)

    assert told["under_this_policy"] == 0
    assert {group["change"] for group in told["groups"]} <= {"cannot_tell"}
    assert code in {OK, CANNOT_DECIDE}
    assert all("path" in group["missing"] for group in told["groups"])  # those that were spelt in another way
    assert told["same"] > told["changes"]["cannot_tell"]


def test_rules_that_are_gone_and_new_ones_are_found(
    logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rules = "version: 1\nname: new\ndefault: {action: allow}\nrules:\n  - {id: new, action: deny, reason: No, when: "
    code, told = _replay(logs, tmp_path, rules + "{host: {is: [b.open.example]}}}\n", "reverse", capsys)

    assert code == FINDINGS
    changed = {
        (group["change"], group["before"]["rule"], (group["after"] or {}).get("rule")) for group in told["groups"]
    }
    assert ("now_denied", None, "new") in changed
    assert ("now_allowed", "closed", None) in changed
    assert ("now_allowed", "bad", None) in changed
    assert ("now_allowed", "slow", None) in changed


@pytest.mark.parametrize("mode", ["forward", "reverse"])
def test_a_policy_learnt_from_a_log_denies_nothing_that_was_allowed_in_it(
    mode: str, logs: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    learnt = tmp_path / "learnt.yaml"
    assert main(["learn", "--log", str(logs), "--mode", mode, "--out", str(learnt)]) == OK
    _, told = _replay(logs, tmp_path, learnt.read_text("utf-8"), mode, capsys)

    assert told["changes"]["now_denied"] == 0
    text = learnt.read_text("utf-8")
    assert Host.parse("a.open.example").text in text
    assert ("/u/[0-9]+" in text) is (mode == "reverse")
    assert ("'127.0.0.1'" in text) is (mode == "forward")
