"""What is explained is what is done: made-up requests, sent through a gateway and asked of the explaining code."""

from __future__ import annotations

import json
import subprocess
import time
from collections import Counter
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.cli.policy_files import open_policy
from gateway.policy.analysis.requests import facts_of, judge
from gateway.policy.errors import Malformed
from gateway.policy.explain import as_json
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.model import Mode
from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.questions import Made, made_up

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.trail import Record

pytestmark = pytest.mark.e2e

COUNT: Final = 1000
"""Requests to each listener."""

COMMON: Final = """
  - {id: no-private, action: deny, reason: Private, when: {path: {prefix: [/private]}}}
  - {id: no-hidden, action: deny, reason: Hidden, when: {path: {matches: ['(.*/)?[.]git(/.*)?']}}}
  - {id: no-bots, action: deny, reason: Bots, when: {header.user-agent: {contains: [Bot]}}}
  - {id: no-injection, action: deny, reason: Injection, when: {query.q: {contains: [select]}}}
  - {id: no-bulk, action: deny, reason: Bulk, when: {method: [POST, PUT, PATCH], request.size: {above: 4000}}}
  - {id: no-writers, action: deny, reason: Writers, when: {header.x-role: {is: [writer]}, method: [DELETE]}}
  - {id: trial, action: deny, stage: shadow, reason: On trial, when: {header.cookie: {present: true}}}
exceptions:
  - id: ticket
    waives: [no-bulk, no-private]
    when: {header.x-ticket: {matches: ['T-[0-9]+']}}
    expires: 2099-01-01
    owner: a@b.example
    reason: Agreed
"""

FORWARD: Final = f"""
version: 1
name: forward
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {{id: no-games, action: deny, reason: Games, when: {{host: {{under: [games.example]}}}}}}
  - {{id: no-third, action: deny, reason: Third, when: {{destination.ip: {{in: [127.0.0.3/32]}}}}}}
  - {{id: no-port, action: deny, reason: Port, when: {{port: [7777]}}}}
{COMMON}
"""

REVERSE: Final = f"""
version: 1
name: reverse
default: {{action: deny}}
rules:
  - {{id: read, action: allow, reason: Read, when: {{method: [GET, HEAD], host: {{under: [shop.example]}}}}}}
  - {{id: report, action: allow, reason: Report, when: {{method: [POST], path: {{prefix: [/reports]}}}}}}
  - {{id: role, action: allow, reason: Role, when: {{header.x-role: {{is: [reader]}}, method: [PUT, DELETE]}}}}
{COMMON}
"""

NAMES: Final = {".open.example": ["127.0.0.2"], ".games.example": ["127.0.0.2"], "inside.example": ["10.0.0.5"]}

OUT: Final = (
    ("a.open.example", "127.0.0.2"),
    ("b.open.example", "127.0.0.2"),
    ("www.games.example", "127.0.0.2"),
    ("inside.example", "10.0.0.5"),
    ("127.0.0.2", "127.0.0.2"),
    ("127.0.0.3", "127.0.0.3"),
    ("10.1.2.3", "10.1.2.3"),
    ("169.254.169.254", "169.254.169.254"),
)
IN: Final = (
    ("shop.example", "127.0.0.2"),
    ("www.shop.example", "127.0.0.2"),
    ("other.example", "127.0.0.2"),
    ("10.1.2.3", "127.0.0.2"),
)

type Decided = dict[str, Any]


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin(host="127.0.0.2") as server:
        yield server


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin) -> Iterator[Gateway]:
    folder = tmp_path_factory.mktemp("explain")
    routes = [{"upstream": "app", "strict_paths": "rewrite"}]
    upstreams = [f"http://127.0.0.2:{origin.port}"]
    with gateway(folder, forward=FORWARD, reverse=REVERSE, names=NAMES, upstreams=upstreams, routes=routes) as running:
        yield running


def _made(mode: Mode, origin: RecordingOrigin) -> list[Made]:
    if mode is Mode.FORWARD:
        return list(made_up(2026, COUNT, OUT, (origin.port, origin.port, 7777)))
    return list(made_up(2027, COUNT, IN, (0, 0, 8443)))


def _done(both: Gateway, mode: Mode, made: list[Made]) -> list[Decided]:
    """Send every request and read in the log what was decided about it."""
    told: dict[str, str] = {}
    for each in made:
        with both.through() if mode is Mode.FORWARD else both.front() as wire:
            answer = wire.ask(each.bytes(absolute=mode is Mode.FORWARD))
        if answer.get("wicketgate-decision") is not None:
            told[each.mark] = answer.decision
    both.answered.extend(told.values())
    listener = "egress" if mode is Mode.FORWARD else "shop"
    until(lambda: len(_decisions(both, listener)) >= len(made), "not every decision was recorded")
    records = _decisions(both, listener)
    by_id = {each["id"]: each for each in records}
    by_mark = {name: each for each in records for name in each["request"]["query"] or ()}
    return [(by_id[told[each.mark]] if each.mark in told else by_mark[each.mark])["decision"] for each in made]


def _decisions(both: Gateway, listener: str) -> list[Record]:
    return [each for each in both.records() if each["event"] == "decision" and each["listener"] == listener]


def _explained(gate: Gate, mode: Mode, each: Made) -> Decided:
    try:
        facts = facts_of(each.question(), mode, time.time())
    except Malformed:
        return {"verdict": "deny", "reason": "malformed-request", "rule": None}
    return as_json(judge(gate, facts))


@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.REVERSE])
def test_the_explanation_is_the_decision(mode: Mode, both: Gateway, origin: RecordingOrigin) -> None:
    made = _made(mode, origin)
    policy = open_policy(both.folder / f"{mode.value}.yaml", mode, time.time()).compiled
    gate = Gate(policy, LimitTable(policy.limit_specs))

    done = _done(both, mode, made)

    differing = []
    for each, decided in zip(made, done, strict=True):
        said = _explained(gate, mode, each)
        parts = [key for key in said if key != "place"]
        if {key: said[key] for key in parts} != {key: decided[key] for key in parts}:
            differing.append((each, said, decided))
    assert differing == []
    _check_variety(mode, done)


def _check_variety(mode: Mode, done: list[Decided]) -> None:
    """That the requests were worth asking: every rule decided something, and every kind of answer was given."""
    rules = Counter(each["rule"] for each in done)
    wanted = {
        Mode.FORWARD: {"no-games", "no-third", "no-port", "builtin-special"},
        Mode.REVERSE: {"read", "report", "role"},
    }[mode]
    assert {"no-private", "no-hidden", "no-bots", "no-injection", "no-bulk"} | wanted <= set(rules)
    assert {each["verdict"] for each in done} == {"allow", "deny"}
    assert "malformed-request" in {each["reason"] for each in done}
    assert any(each["waived"] for each in done)
    assert any(each["shadow"] for each in done)


@pytest.mark.parametrize("mode", [Mode.FORWARD, Mode.REVERSE])
def test_the_command_says_it_too(mode: Mode, both: Gateway, origin: RecordingOrigin) -> None:
    policy = open_policy(both.folder / f"{mode.value}.yaml", mode, time.time()).compiled
    gate = Gate(policy, LimitTable(policy.limit_specs))
    made = [each for each in _made(mode, origin) if "place" in _explained(gate, mode, each)][:4]
    command = [COMMAND, "policy", "explain", "--format", "json", "--mode", mode.value]
    for each in made:
        run = subprocess.run(
            [*command, "--policy", str(both.folder / f"{mode.value}.yaml"), *each.command()],
            check=False,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        said = json.loads(run.stdout)["decision"]
        assert said == _explained(gate, mode, each)
        assert run.returncode == (0 if said["verdict"] == "allow" else 1)
