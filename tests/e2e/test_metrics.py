"""The numbers of a gateway that really runs are exactly what was sent through it, and agree with its log."""

from __future__ import annotations

import json
import signal
import subprocess
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.metrics import families as of
from gateway.metrics.snapshot import Distribution, Snapshot, read
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.cached import KEPT
from tests.e2e.commands import COMMAND, free_port, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import Origin, origin
from tests.e2e.pooled import pooled
from tests.e2e.wire import get
from tests.programs import program
from tests.unit.metrics.numbers import number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.upstreams.pools.members import Tally

pytestmark = pytest.mark.e2e

FORWARD: Final = """
version: 1
name: office
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
rules:
  - {id: no-ads, action: deny, reason: Ads, when: {host: {is: [ads.example]}}}
  - {id: no-games, action: deny, reason: Games, when: {host: {is: [games.example]}}}
  - {id: no-upload, stage: shadow, action: deny, reason: Uploads, when: {method: [POST]}}
"""
REVERSE: Final = """
version: 1
name: api
default: {action: allow}
limits:
  - {id: few, key: [client.ip], rate: 3/h, burst: 3, when: {path: {prefix: [/few]}}}
"""
NAMES: Final = {"open.example": ["127.0.0.1"]}


@contextmanager
def sent(folder: Path) -> Iterator[tuple[Gateway, Origin]]:
    """A gateway through which known requests went: see the numbers of the tests."""
    with origin(KEPT) as behind:
        routes: list[dict[str, Any]] = [
            {"path": {"prefix": ["/kept"]}, "upstream": "app", "cache": {"enabled": True}},
            {"upstream": "app"},
        ]
        with gateway(
            *(folder,),
            forward=FORWARD,
            reverse=REVERSE,
            routes=routes,
            upstreams=[f"http://127.0.0.1:{behind.port}"],
            names=NAMES,
        ) as running:
            here, nowhere = behind.port, free_port()
            asked = [f"http://open.example:{here}/"] * 3 + ["http://ads.example/"] * 2 + ["http://games.example/"]
            asked += [f"http://open.example:{nowhere}/"] * 2
            for target in asked:
                with running.through() as wire:
                    wire.ask(get(target, target.split("/")[2], "Connection: close"))
            with running.through() as wire:
                place = f"open.example:{here}"
                wire.ask(get(f"http://{place}/", place, "Connection: close", method="POST", body=b"12345"))
            for path in ["/kept"] * 4 + ["/few"] * 5:
                with running.front() as wire:
                    wire.ask(get(path, "shop.example", "Connection: close"))
            yield running, behind


def metrics(running: Gateway, *argv: str) -> str:
    said = subprocess.run(
        [COMMAND, "metrics", "--state", str(running.state), *argv], capture_output=True, check=True, text=True
    )
    assert said.stderr == ""
    return said.stdout


def snapshot(running: Gateway) -> Snapshot:
    return read(json.loads(metrics(running, "--format", "json")))


def settled(running: Gateway, ends: int) -> Snapshot:
    """The numbers once so many exchanges have ended: a client may have its answer a moment before."""
    found: list[Snapshot] = []

    def are_over() -> bool:
        found[:] = [snapshot(running)]
        return sum(value for value in found[0].of(of.EXCHANGES).values() if isinstance(value, int)) == ends

    until(are_over, "the exchanges were never counted")
    return found[0]


def test_the_numbers_are_what_was_sent(tmp_path: Path) -> None:
    with sent(tmp_path) as (running, behind):
        seen = settled(running, 18)
        server = f"http://127.0.0.1:{behind.port}"

        assert seen.of(of.DECISIONS) == {
            ("egress", "allow", "allowed-by-default", ""): 6,
            ("egress", "deny", "rule-deny", "no-ads"): 2,
            ("egress", "deny", "rule-deny", "no-games"): 1,
            ("shop", "allow", "allowed-by-default", ""): 7,
            ("shop", "deny", "rate-exceeded", "few"): 2,
        }
        assert seen.of(of.SHADOWS) == {("egress", "no-upload", "deny"): 1}
        assert seen.of(of.EXCHANGES) == {
            ("egress", "request", "2xx", ""): 4,
            ("egress", "request", "4xx", ""): 3,
            ("egress", "request", "5xx", "upstream-refused"): 2,
            ("shop", "request", "2xx", ""): 7,
            ("shop", "request", "4xx", ""): 2,
        }
        assert seen.of(of.LIMIT_REFUSALS) == {("shop", "few", "rate-exceeded"): 2}
        assert seen.of(of.LIMIT_KEYS) == {("shop", "few"): 1}
        assert seen.of(of.CACHE_REQUESTS) == {("shop", "stored"): 1, ("shop", "hit"): 3}
        assert seen.of(of.CACHE_STORES) == {("shop",): 1}
        assert number(seen, of.CACHE_BYTES, "shop", "memory") > 0
        assert seen.of(of.UPSTREAM_REQUESTS) == {
            ("app", server, "served"): 4,
            ("app", server, "failed"): 0,
            ("app", server, "untold"): 2,  # chosen, and then refused by the limit
        }
        assert seen.of(of.SERVER_UP) == {("app", server): 1}
        assert seen.of(of.ACCEPTED) == {("egress",): 9, ("shop",): 9}
        assert seen.of(of.TURNED_AWAY) == {("egress",): 0, ("shop",): 0}
        assert seen.of(of.IN_FLIGHT) == {("egress",): 0, ("shop",): 0}
        assert number(seen, of.BODIES, "egress", "up") == 5
        assert _held(seen, of.DURATION) == {("egress", "request"): 9, ("shop", "request"): 9}
        assert _held(seen, of.JUDGING) == {("egress",): 9, ("shop",): 9}


def test_the_numbers_agree_with_the_log(tmp_path: Path) -> None:
    with sent(tmp_path) as (running, _):
        seen = settled(running, 18)
        until(lambda: len([each for each in running.records() if each["event"] == "end"]) == 18, "no end")
        records = running.records()

    decided = Counter(
        (each["listener"], said["verdict"], said["reason"], said["rule"] or "")
        for each in records
        if each["event"] == "decision"
        for said in [each["decision"]]
    )
    ends = [each for each in records if each["event"] == "end"]
    assert seen.of(of.DECISIONS) == decided
    assert sum(each["bytes"]["down"] for each in ends) == sum(
        number(seen, of.BODIES, listener, "down") for listener in ("egress", "shop")
    )


def test_the_judging_takes_a_part_of_the_whole(tmp_path: Path) -> None:
    with sent(tmp_path) as (running, _):
        seen = settled(running, 18)

    for listener in ("egress", "shop"):
        whole, judging = seen.of(of.DURATION)[listener, "request"], seen.of(of.JUDGING)[listener,]
        assert isinstance(whole, Distribution)
        assert isinstance(judging, Distribution)
        assert 0 < judging.total < whole.total


def test_promtool_reads_what_is_printed_and_has_nothing_to_say(tmp_path: Path) -> None:
    with sent(tmp_path) as (running, _):
        text = metrics(running)
        assert metrics(running, "--format", "openmetrics").endswith("# EOF\n")
    checked = subprocess.run(
        [program("promtool"), "check", "metrics"], input=text, capture_output=True, text=True, check=False
    )

    assert (checked.returncode, checked.stdout, checked.stderr) == (0, "", "")
    assert 'wicketgate_decisions_total{listener="egress",reason="rule-deny",rule="no-ads",verdict="deny"} 2.0' in text


def test_a_reload_is_counted_with_what_came_of_it(tmp_path: Path) -> None:
    with gateway(tmp_path, forward=FORWARD) as running:
        before = number(snapshot(running), of.RELOADED, "policy", "egress")
        (tmp_path / "forward.yaml").write_text("version: 1\nnonsense: true\n", "utf-8")
        running.process.tell(signal.SIGHUP)
        running.process.wait_for("the old one stays in force", running.process.err)
        refused = snapshot(running)
        (tmp_path / "forward.yaml").write_text(FORWARD, "utf-8")
        running.process.tell(signal.SIGHUP)
        running.process.wait_for("the policy was read again", running.process.err)
        until(lambda: _reloads(running)["configuration", "", "loaded"] == 2, "the configuration was not read twice")
        after = snapshot(running)

    assert number(refused, of.RELOADS, "policy", "egress", "refused") == 1
    assert number(refused, of.RELOADED, "policy", "egress") == before
    assert number(after, of.RELOADS, "policy", "egress", "loaded") == 2
    assert number(after, of.RELOADED, "policy", "egress") > before


def _reloads(running: Gateway) -> dict[tuple[str, ...], Any]:
    return Counter({labels: int(str(value)) for labels, value in snapshot(running).of(of.RELOADS).items()})


def test_connections_that_are_open_are_seen_and_those_without_room_are_counted(tmp_path: Path) -> None:
    with gateway(tmp_path, forward=FORWARD, settings={"limits": {"connections_per_client": 2}}) as running:
        with running.through() as one, running.through() as two, running.through() as three:
            assert three.answer().status == 503
            for wire in (one, two):
                assert wire.ask(get("http://ads.example/", "ads.example")).status == 403
            seen = snapshot(running)
        until(lambda: number(snapshot(running), of.OPEN, "egress") == 0, "they were never closed")

    assert number(seen, of.OPEN, "egress") == 2
    assert number(seen, of.ACCEPTED, "egress") == 2
    assert number(seen, of.TURNED_AWAY, "egress") == 1
    assert number(seen, of.DECISIONS, "egress", "deny", "capacity", "") == 1


def test_a_retry_is_counted_for_the_server_that_failed(tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(), origins=1, dead=1) as here:
        answers = here.asked(4)
        (fleet,) = here.gateway.engine.pools

        def look() -> list[Tally]:
            return [fleet.pool.tallies[each.name] for each in fleet.pool.members]

        alive, dead = here.gateway.call(look)
        told = here.gateway.call(here.gateway.engine.measuring.snapshot)

    assert answers == ["0"] * 4
    assert (alive.served, alive.failed, alive.retried) == (4, 0, 0)
    assert dead.failed == dead.retried > 0
    assert sum(number(told, of.RETRIES, *labels) for labels in told.of(of.RETRIES)) == dead.retried


def _held(seen: Snapshot, family: of.Family) -> dict[tuple[str, ...], int]:
    return {labels: sum(value.counts) for labels, value in seen.of(family).items() if isinstance(value, Distribution)}
