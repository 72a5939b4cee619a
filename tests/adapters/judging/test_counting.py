from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from addons.judging.recording import Recorder
from gateway.metrics import families as of
from gateway.metrics.counting import Counting
from gateway.metrics.snapshot import Distribution, Snapshot
from gateway.policy.model import Reason, refuse
from tests.adapters.judging.test_recording import ALLOWED, admit, begin

if TYPE_CHECKING:
    from tests.adapters.judging.test_recording import Setter


def test_decisions_and_ends_are_counted_once_however_often_they_are_told(scene: Setter) -> None:
    here, counting = scene(), Counting()
    here.recorder = Recorder(here.writer, here.connections, here.now, counting=counting)
    exchange, _ = admit(here)
    exchange.status, exchange.up, exchange.down = 200, 5, 12
    exchange.outcome = refuse(Reason.UPSTREAM_BROKEN)
    for _ in range(2):
        here.recorder.ended(exchange)
    other, _ = begin(here)
    for _ in range(2):
        here.recorder.refused(other, refuse(Reason.DEFAULT), status=403, down=1)
    seen, listener = Snapshot(counting.series()), exchange.connection.listener.name

    assert seen.of(of.DECISIONS) == {
        (listener, "allow", "allowed-by-default", ""): 1,
        (listener, "deny", "default", ""): 1,
    }
    assert seen.of(of.EXCHANGES) == {
        (listener, "request", "2xx", "upstream-broken"): 1,
        (listener, "request", "4xx", ""): 1,
    }
    assert seen.of(of.BODIES) == {(listener, "up"): 5, (listener, "down"): 13}


def test_the_time_until_it_was_let_through_is_counted_apart_from_the_whole(scene: Setter) -> None:
    here, counting = scene(), Counting()
    recorder = Recorder(here.writer, here.connections, here.now, counting=counting)
    exchange, _ = begin(here)
    start = exchange.started
    here.connections.timer = lambda: start + 0.25
    assert asyncio.run(recorder.allowed(exchange, ALLOWED)).allowed
    here.connections.timer = lambda: start + 5.0
    recorder.ended(exchange)
    seen, listener = Snapshot(counting.series()), exchange.connection.listener.name

    assert seen.of(of.JUDGING)[listener,] == Distribution((*(0,) * 7, 1, *(0,) * 9), 250_000)
    assert seen.of(of.DURATION)[listener, "request"] == Distribution((*(0,) * 11, 1, *(0,) * 5), 5_000_000)


def test_a_tunnel_is_counted_apart_from_requests(scene: Setter) -> None:
    here, counting = scene(), Counting()
    recorder = Recorder(here.writer, here.connections, here.now, counting=counting)
    exchange, _ = begin(here)
    exchange.facts = exchange.facts.learning(protocol="websocket")
    recorder.refused(exchange, refuse(Reason.DEFAULT), status=None, down=0)

    assert Snapshot(counting.series()).of(of.EXCHANGES) == {(exchange.connection.listener.name, "tunnel", "", ""): 1}
