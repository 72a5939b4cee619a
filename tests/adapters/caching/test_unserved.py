from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.caching.attempts import attempt_of
from gateway.cache.messages import Answered
from gateway.config.settings import CacheSettings
from gateway.policy.model import Mode
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from tests.adapters.caching.test_hooks import FRESH, OPEN, Kept
from tests.adapters.scene import Scene, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

type Sets = Callable[..., Scene]

GET = "GET /x HTTP/1.1\nHost: shop.example"


@pytest.fixture
def busy(scene: Sets) -> Kept:
    """A cache in front of a server that takes one request at a time, and lets nobody wait."""
    rules = PoolRules(connections=1, queue=QueueRules(size=0))
    cache = CacheSettings(size=100_000, largest=10_000)
    return Kept(scene(mode=Mode.REVERSE, policy=OPEN, cache=cache, rules=rules))


def test_when_nobody_can_be_asked_what_is_kept_is_given_and_all_else_refused(busy: Kept) -> None:
    first = busy.ask()
    busy.answer(first, FRESH.replace("60", "60, stale-if-error=600"), b"body")
    judged(first).release()
    held = busy.ask("GET /slow HTTP/1.1\nHost: shop.example")

    fresh, other = busy.ask(), busy.ask("GET /other HTTP/1.1\nHost: shop.example")
    change = busy.ask("POST /x HTTP/1.1\nHost: shop.example\nContent-Length: 0")
    busy.now += 90
    stale = busy.ask()

    assert held.response is None
    assert (answer_of(fresh).raw_content, judged(fresh).cache) == (b"body", "hit")
    assert (answer_of(stale).raw_content, judged(stale).cache) == (b"body", "stale")
    assert [said(each) for each in (other, change)] == [(503, "upstream-busy")] * 2
    ends = [shape for shape in busy.scene.shapes() if shape[0] == "end"]
    assert ends == [("end", 200), ("end", 503), ("end", 503), ("end", 200)]


def test_the_gate_has_its_last_word_also_where_nobody_can_be_asked(scene: Sets) -> None:
    policy = """
version: 1
name: by-address
default: {action: deny}
unsafe_destinations: [127.0.0.0/8]
rules: [{id: near, action: allow, reason: near, when: {destination.ip: {in: [127.0.0.0/8]}}}]
"""
    rules = PoolRules(connections=1, queue=QueueRules(size=0))
    busy = Kept(scene(mode=Mode.REVERSE, policy=policy, cache=CacheSettings(), rules=rules))
    first = busy.ask()
    busy.answer(first, FRESH, b"body")
    judged(first).release()
    given = busy.ask()
    held = busy.ask("GET /slow HTTP/1.1\nHost: shop.example")

    assert (answer_of(given).raw_content, held.response) == (b"body", None)
    assert said(busy.ask()) == (403, "default")


def test_what_is_stale_stands_in_for_a_server_whose_name_is_not_found(scene: Sets) -> None:
    room = CacheSettings(size=100_000, largest=10_000)
    lost = Kept(scene(mode=Mode.REVERSE, policy=OPEN, cache=room, upstreams=("http://lost.example:8000",), names={}))
    before = lost.ask()
    attempt = attempt_of(before)
    assert attempt is not None
    said_then = Answered(200, ((b"Cache-Control", b"max-age=60, stale-if-error=600"),), lost.now, lost.now)
    assert attempt.cache.keep(attempt.asked, said_then, b"body")
    lost.now += 90
    stale, other = lost.ask(), lost.ask("GET /other HTTP/1.1\nHost: shop.example")

    assert [said(each) for each in (before, other)] == [(502, "upstream-unresolved")] * 2
    assert (answer_of(stale).raw_content, judged(stale).cache) == (b"body", "stale")
    assert 'detail="stale-if-error"' in answer_of(stale).headers["cache-status"]
    assert len(lost.scene.ahead.planner.flights) == 0


def test_a_route_without_a_cache_is_just_refused(scene: Sets) -> None:
    rules = PoolRules(connections=1, queue=QueueRules(size=0))
    plain = scene(mode=Mode.REVERSE, policy=OPEN, rules=rules)
    held, refused = plain.ask(plain.client(), GET), plain.ask(plain.client(), GET)

    assert (held.response, judged(held).unserved) == (None, None)
    assert (said(refused), judged(refused).unserved) == ((503, "upstream-busy"), None)
