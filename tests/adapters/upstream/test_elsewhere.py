from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addons.streams.retrying import Attempted
from addons.upstream.elsewhere import TOTAL, Elsewhere
from gateway.lists.geography import Geography
from gateway.policy.addresses import Address
from gateway.policy.model import Mode, Reason, refuse
from gateway.upstreams.pools.retries import Failure, RetryRules
from gateway.upstreams.pools.rules import PoolRules
from gateway.upstreams.resolver import Resolver
from tests.adapters.scene import ALLOW, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

NAMES = {"a.example": "192.0.2.1", "b.example": "192.0.2.2", "c.example": "192.0.2.3", "nowhere.example": ""}
URLS = ("http://a.example:8000", "https://b.example:8001")
RULES = PoolRules(retries=RetryRules(most=2, budget=1.0))


def set_up(scene: Setter, policy: str = ALLOW, upstreams: tuple[str, ...] = URLS) -> Scene:
    return scene(mode=Mode.REVERSE, upstreams=upstreams, rules=RULES, names=NAMES, policy=policy)


def ask(here: Scene, method: str = "GET") -> HTTPFlow:
    return here.ask(here.client(), f"{method} /a HTTP/1.1\nHost: shop.example")


def failed(here: Scene, flow: HTTPFlow, failure: Failure, *, body_begun: bool = False) -> bool:
    """Whether the request goes elsewhere after a failure."""
    names = {name: tuple(map(Address.parse, address.split())) for name, address in NAMES.items()}
    hook = Elsewhere(here.pools, Resolver(names), here.turns, Geography(), here.timer)
    attempted = Attempted(flow, failure, body_begun)
    asyncio.run(hook.upstream_failed(attempted))
    return attempted.again


def in_flight(here: Scene) -> list[int]:
    (fleet,) = here.pools
    return [each.in_flight for each in fleet.pool.members]


def test_a_request_is_aimed_at_the_other_server_and_its_judged_address(scene: Setter) -> None:
    here = set_up(scene)
    flow = ask(here)
    exchange = judged(flow)
    exchange.outcome = refuse(Reason.UPSTREAM_REFUSED)

    assert failed(here, flow, Failure.NOT_REACHED)
    assert (flow.request.scheme, flow.request.host, flow.request.port) == ("https", "b.example", 8001)
    assert (exchange.endpoint, exchange.judged) == (("b.example", 8001), (Address.parse("192.0.2.2"),))
    assert exchange.attempts == [("http://a.example:8000", Reason.UPSTREAM_REFUSED)]
    assert exchange.outcome is None
    assert in_flight(here) == [0, 1]


@pytest.mark.parametrize(
    ("again", "method", "failure", "body_begun"),
    [
        (True, "POST", Failure.NOT_REACHED, False),
        (True, "GET", Failure.BROKEN_OFF, False),
        (True, "PUT", Failure.OVERLOADED, False),
        (False, "PUT", Failure.OVERLOADED, True),
        (False, "POST", Failure.BROKEN_OFF, False),
        (False, "PATCH", Failure.OVERLOADED, False),
    ],
)
def test_only_what_may_be_done_twice_is_done_again(
    again: bool,  # noqa: FBT001 - the wanted value of a table's row
    method: str,
    failure: Failure,
    body_begun: bool,  # noqa: FBT001 - a column of the table
    scene: Setter,
) -> None:
    here = set_up(scene)

    assert failed(here, ask(here, method), failure, body_begun=body_begun) is again


@pytest.mark.parametrize("reason", [Reason.UPSTREAM_TIMEOUT, Reason.BODY_TOO_LARGE])
def test_what_was_decided_of_an_exchange_stands(reason: Reason, scene: Setter) -> None:
    here = set_up(scene)
    flow = ask(here)
    judged(flow).outcome = refuse(reason)

    assert not failed(here, flow, Failure.BROKEN_OFF)
    assert judged(flow).outcome == refuse(reason)


def test_a_gateway_without_sockets_does_not_blame_servers(scene: Setter) -> None:
    here = set_up(scene)
    flow = ask(here)
    judged(flow).outcome = refuse(Reason.CAPACITY)

    assert not failed(here, flow, Failure.NOT_REACHED)
    assert judged(flow).attempts == []


def test_an_exchange_is_not_tried_again_for_ever(scene: Setter) -> None:
    here = set_up(scene)
    flow = ask(here)
    here.elapsed += TOTAL + 1

    assert not failed(here, flow, Failure.NOT_REACHED)


def test_an_exchange_that_is_over_is_not_tried_again(scene: Setter) -> None:
    here = set_up(scene)
    flow = ask(here)
    here.recorder.ended(judged(flow))

    assert not failed(here, flow, Failure.NOT_REACHED)
    assert in_flight(here) == [0, 0]


def test_a_server_that_the_policy_closes_is_not_asked(scene: Setter) -> None:
    policy = ALLOW + "rules: [{id: no-b, action: deny, reason: no, when: {destination.ip: {in: [192.0.2.2]}}}]"
    here = set_up(scene, policy)
    flow = ask(here)

    assert not failed(here, flow, Failure.NOT_REACHED)
    assert judged(flow).endpoint == ("a.example", 8000)
    assert in_flight(here) == [0, 0]


def test_what_the_policy_wants_done_must_be_the_same_there(scene: Setter) -> None:
    policy = ALLOW + ("headers: [{id: mark, when: {destination.ip: {in: [192.0.2.2]}}, request: {set: {X-Mark: b}}}]")
    here = set_up(scene, policy)

    assert not failed(here, ask(here), Failure.NOT_REACHED)


def test_limits_are_charged_once(scene: Setter) -> None:
    policy = ALLOW + "limits: [{id: one, key: [client.ip], rate: 1/h, burst: 1}]"
    here = set_up(scene, policy)

    assert failed(here, ask(here), Failure.NOT_REACHED)


def test_a_name_without_an_address_is_one_more_failure(scene: Setter) -> None:
    urls = ("http://a.example:8000", "http://nowhere.example:8001", "http://c.example:8002")
    here = set_up(scene, upstreams=urls)
    flow = ask(here)

    assert failed(here, flow, Failure.NOT_REACHED)
    assert judged(flow).endpoint == ("c.example", 8002)
    assert [name for name, _ in judged(flow).attempts] == list(urls[:2])
