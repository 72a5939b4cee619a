"""What is kept is given without a place at any server: while all are busy, gone or thrown out."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from tests.e2e.cached import KEPT, shop
from tests.e2e.commands import until

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

ONE: Final = PoolRules(connections=1, queue=QueueRules(size=0))
LINE: Final = PoolRules(connections=1, queue=QueueRules(size=10, timeout=5.0))
FAILING: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nfailed"


@pytest.mark.parametrize("rules", [ONE, LINE], ids=["no-line", "line"])
def test_a_hit_neither_waits_nor_counts_while_every_place_is_taken(rules: PoolRules, tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: bytes) -> bytes:
        if b"/slow" in request:
            asked.set()
            answer.wait(10)
        return KEPT

    with shop(tmp_path, slow, rules=rules) as front, ThreadPoolExecutor(2) as some:
        front.ask("/x")
        held = some.submit(front.ask, "/slow")
        assert asked.wait(10)
        hits = front.asks("/x", times=10)
        head, part = front.ask("/x", method="HEAD"), front.ask("/x", "Range: bytes=1-2")
        other = None if rules is LINE else front.ask("/other")
        answer.set()
        assert held.result().status == 200

    assert [(each.status, each.body) for each in hits] == [(200, b"kept")] * 10
    assert all("; hit; ttl=" in (each.get("cache-status") or "") for each in hits)
    assert (head.status, head.get("content-length"), head.body) == (200, "4", b"")
    assert (part.status, part.body, part.get("content-range")) == (206, b"ep", "bytes 1-2/4")
    assert other is None or other.verdict == (503, "upstream-busy", None)
    ends = [each for each in front.gateway.records() if each["event"] == "end" and each.get("cache") == "hit"]
    assert len(ends) == 12
    assert not any("upstream" in each for each in ends)


def test_who_waits_for_another_ones_answer_holds_no_place_meanwhile(tmp_path: Path) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: bytes) -> bytes:
        if b"/slow" in request:
            asked.set()
            answer.wait(10)
        return KEPT

    rules = PoolRules(connections=2, queue=QueueRules(size=0))
    with shop(tmp_path, slow, rules=rules) as front, ThreadPoolExecutor(5) as crowd:
        waiting = [crowd.submit(front.ask, "/slow") for _ in range(5)]
        assert asked.wait(10)
        flights = front.gateway.engine.refreshing.planner.flights
        until(lambda: sum(each.waiting for each in flights) == 4, "not all of them wait")
        between = front.ask("/y")
        answer.set()
        answers = [each.result() for each in waiting]

    assert (between.status, between.body) == (200, b"kept")
    assert [(each.status, each.body) for each in answers] == [(200, b"kept")] * 5
    assert len(front.requests) == 2


def test_a_hit_is_given_when_the_only_server_is_thrown_out_or_gone(tmp_path: Path) -> None:
    rules = PoolRules(outliers=OutlierRules(failures=2))
    with shop(tmp_path, rules=rules) as front:
        front.ask("/x")
        front.answering = lambda _request: FAILING
        for number in range(3):
            front.ask(f"/failing/{number}")
        thrown_out = front.ask("/x")
        front.origin.serve = lambda connection, _visit: connection.close()
        gone = front.ask("/x")
        other = front.ask("/y")

    assert [(each.status, each.body) for each in (thrown_out, gone)] == [(200, b"kept")] * 2
    assert other.status in {502, 503}
