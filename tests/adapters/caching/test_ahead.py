from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.caching.attempts import attempt_of
from gateway.cache.cache import Step
from gateway.config.settings import CacheSettings
from gateway.policy.model import Mode
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from tests.adapters.caching.test_hooks import FRESH, OPEN, Kept
from tests.adapters.scene import Scene, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

type Sets = Callable[..., Scene]

ONE_AT_A_TIME = PoolRules(connections=1, queue=QueueRules(size=0))
LIMITED = "limits:\n  - {id: few, key: [client.ip], rate: 2/min, burst: 2}\n"


def caching(scene: Sets, policy: str = OPEN) -> Kept:
    cache = CacheSettings(size=100_000, largest=10_000)
    return Kept(scene(mode=Mode.REVERSE, policy=policy, cache=cache, rules=ONE_AT_A_TIME))


def test_a_hit_takes_no_place_and_does_not_wait_for_one(scene: Sets) -> None:
    kept = caching(scene)
    first = kept.ask()
    kept.answer(first, FRESH, b"body")
    judged(first).release()
    held = kept.ask("GET /slow HTTP/1.1\nHost: shop.example")
    hits = [kept.ask() for _ in range(5)]

    assert [(answer_of(each).raw_content, judged(each).place) for each in hits] == [(b"body", None)] * 5
    assert judged(first).place is not None
    assert said(kept.ask("GET /other HTTP/1.1\nHost: shop.example")) == (503, "upstream-busy")
    assert held.response is None
    decisions = [shape for shape in kept.scene.shapes() if shape[0] == "decision"]
    assert [each[1] for each in decisions] == ["allow"] * 8  # the last one too: what it needs turns out behind it


def test_the_limits_are_charged_for_every_request_once(scene: Sets) -> None:
    kept = caching(scene, OPEN + LIMITED)
    first = kept.ask()
    kept.answer(first, FRESH, b"body")
    judged(first).release()

    assert answer_of(kept.ask()).raw_content == b"body"
    assert said(kept.ask()) == (429, "rate-exceeded")


def test_what_the_policy_refuses_is_refused_and_nobody_waits_for_it(scene: Sets) -> None:
    kept = caching(scene, OPEN + LIMITED)
    for _ in range(2):
        judged(kept.ask("POST /y HTTP/1.1\nHost: shop.example\nContent-Length: 0")).release()
    refused = kept.ask()

    assert said(refused) == (429, "rate-exceeded")
    assert len(kept.scene.ahead.planner.flights) == 0


@pytest.mark.parametrize("policy", ["country", "headers"])
def test_where_the_policy_asks_where_a_request_goes_a_server_is_chosen_first(policy: str, scene: Sets) -> None:
    more = {
        "country": "rules: [{id: far, action: deny, reason: far, when: {destination.ip: {in: [10.0.0.0/8]}}}]\n",
        "headers": ("headers: [{when: {destination.ip: {in: [127.0.0.0/8]}}, request: {set: {X-Near: 'yes'}}}]\n"),
    }[policy]
    kept = caching(scene, OPEN + more)
    first = kept.ask()
    planned = attempt_of(first)
    kept.answer(first, FRESH, b"body")
    judged(first).release()
    second = kept.ask()

    assert planned is not None
    assert planned.plan is None
    assert (answer_of(second).raw_content, judged(second).place is None) == (b"body", False)


def test_what_the_policy_adds_is_part_of_what_an_answer_is_found_by(scene: Sets) -> None:
    edits = "headers: [{when: {client.ip: {in: [192.0.2.1]}}, request: {set: {X-Tier: gold}}}]\n"
    kept = caching(scene, OPEN + edits)
    first = kept.ask()
    plan = attempt_of(first)

    assert plan is not None
    assert plan.plan is not None
    assert plan.plan.step is Step.FORWARD
    assert plan.asked.partition != ""
    assert ("x-tier", "gold") in list(plan.asked.fields)
