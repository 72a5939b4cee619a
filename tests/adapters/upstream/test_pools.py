from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Response

from gateway.config.endpoints import parse_server
from gateway.config.settings import UpstreamSettings
from gateway.policy.model import Mode, Reason, refuse
from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.pool import Outcome, PlaceAt
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from tests.adapters.scene import judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from gateway.upstreams.pools.pool import Pool
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

GET = "GET /a HTTP/1.1\nHost: shop.example"
TWO = ("http://127.0.0.1:8000", "http://127.0.0.1:8001")
NAMES = {"site.example": "93.184.216.34", "nowhere.example": "", "never.example": ""}
ONE_EACH = PoolRules(connections=1, queue=QueueRules(size=0))
STRICT = PoolRules(outliers=OutlierRules(failures=1), retries=RetryRules(budget=1.0))


def reverse(scene: Setter, rules: PoolRules = ONE_EACH, upstreams: tuple[str, ...] = TWO) -> Scene:
    return scene(mode=Mode.REVERSE, upstreams=upstreams, rules=rules, names=NAMES)


def pool(here: Scene) -> Pool:
    (fleet,) = here.pools
    return fleet.pool


def in_flight(here: Scene) -> list[int]:
    return [each.in_flight for each in pool(here).members]


def ask(here: Scene) -> HTTPFlow:
    return here.ask(here.client(), GET)


def test_an_exchange_has_a_place_until_its_end(scene: Setter) -> None:
    here = reverse(scene)
    flow = ask(here)
    assert in_flight(here) == [1, 0]

    here.recorder.ended(judged(flow))
    here.recorder.ended(judged(flow))
    assert in_flight(here) == [0, 0]


def test_where_every_server_is_busy_the_next_one_is_refused(scene: Setter) -> None:
    here = reverse(scene)
    flows = [ask(here) for _ in range(3)]

    assert [flow.response is None for flow in flows] == [True, True, False]
    assert said(flows[2]) == (503, "upstream-busy")
    assert in_flight(here) == [1, 1]


def test_where_every_server_is_down_nobody_is_asked(scene: Setter) -> None:
    here = reverse(scene)
    for member in pool(here).members:
        pool(here).checked(member, well=False)

    assert said(ask(here)) == (503, "upstream-unavailable")


def test_a_refused_request_takes_no_place(scene: Setter) -> None:
    policy = "version: 1\nname: shut\ndefault: {action: deny}\n"
    here = scene(mode=Mode.REVERSE, upstreams=TWO, policy=policy)

    assert said(ask(here)) == (403, "default")
    assert in_flight(here) == [0, 0]


def test_without_a_log_the_place_is_given_back(scene: Setter) -> None:
    here = reverse(scene)
    here.writer.close()

    assert said(ask(here)) == (503, "audit-unavailable")
    assert in_flight(here) == [0, 0]


IN_LINE = PoolRules(connections=1, queue=QueueRules(size=1, timeout=30.0))


def test_who_leaves_the_line_keeps_no_place(scene: Setter) -> None:
    here = reverse(scene, IN_LINE, TWO[:1])
    first, second = ask(here), here.flow(here.client(), GET)

    async def leave() -> None:
        waiting = asyncio.create_task(here.admission.requestheaders(second))
        await asyncio.sleep(0)
        here.recorder.ended(judged(first))
        waiting.cancel()
        await asyncio.wait([waiting])

    asyncio.run(leave())
    assert in_flight(here) == [0]


def test_a_place_for_somebody_who_has_left_is_given_back(scene: Setter) -> None:
    here = reverse(scene, IN_LINE, TWO[:1])
    first, client = ask(here), here.client()
    second = here.flow(client, GET)

    async def come_too_late() -> None:
        waiting = asyncio.create_task(here.admission.requestheaders(second))
        await asyncio.sleep(0)
        here.recording.client_disconnected(client)
        here.recorder.ended(judged(first))
        await waiting

    asyncio.run(come_too_late())
    assert in_flight(here) == [0]


@pytest.mark.parametrize(
    ("blamed", "status", "reason"),
    [
        (False, 200, None),
        (False, 404, None),
        (True, 500, None),
        (True, None, Reason.UPSTREAM_BROKEN),
        (True, 200, Reason.UPSTREAM_BROKEN),
        (False, 200, Reason.RULE_DENY),
        (False, None, Reason.BODY_TOO_LARGE),
        (False, None, Reason.CAPACITY),
        (False, None, None),
    ],
)
def test_a_server_answers_for_what_it_did_itself(
    blamed: bool,  # noqa: FBT001 - the wanted value of a table's row
    status: int | None,
    reason: Reason | None,
    scene: Setter,
) -> None:
    here = reverse(scene, STRICT)
    exchange = judged(ask(here))
    exchange.status, exchange.outcome = status, None if reason is None else refuse(reason)
    exchange.request_done = True
    here.recorder.ended(exchange)

    assert [each.value for each in pool(here).standings().values()] == ["ejected" if blamed else "up", "up"]


@pytest.mark.parametrize(("standing", "request_done"), [("ejected", True), ("up", False)])
def test_of_a_client_that_keeps_its_own_body_back_no_server_is_guilty(
    standing: str,
    request_done: bool,  # noqa: FBT001 - a column of the table
    scene: Setter,
) -> None:
    here = reverse(scene, STRICT)
    exchange = judged(ask(here))
    exchange.outcome, exchange.request_done = refuse(Reason.UPSTREAM_TIMEOUT), request_done
    here.recorder.ended(exchange)

    assert next(iter(pool(here).standings().values())).value == standing


def test_an_answer_of_the_gateway_itself_says_nothing_of_the_server(scene: Setter) -> None:
    policy = (
        "version: 1\nname: a\ndefault: {action: allow}\n"
        "rules: [{id: no-text, action: deny, reason: no, when: {response.type: [text/plain]}}]"
    )
    here = scene(mode=Mode.REVERSE, upstreams=TWO, rules=STRICT, policy=policy)
    flow = ask(here)
    here.answer(flow, Response.make(200, b"x", {"Content-Type": "text/plain"}))
    here.recorder.ended(judged(flow))

    assert {each.value for each in pool(here).standings().values()} == {"up"}


def test_a_server_whose_name_has_no_address_is_left_for_another(scene: Setter) -> None:
    here = reverse(scene, STRICT, ("http://nowhere.example:8000", "http://site.example:8001"))
    flow = ask(here)

    assert flow.response is None
    assert judged(flow).endpoint == ("site.example", 8001)
    assert judged(flow).attempts == [("http://nowhere.example:8000", Reason.UPSTREAM_UNRESOLVED)]


def test_where_no_name_has_an_address_that_is_told(scene: Setter) -> None:
    here = reverse(scene, STRICT, ("http://nowhere.example:8000", "http://never.example:8001"))

    assert said(ask(here)) == (502, "upstream-unresolved")
    assert in_flight(here) == [0, 0]


def test_a_server_is_tried_once_for_one_request(scene: Setter) -> None:
    here = reverse(scene, STRICT)
    exchange = judged(ask(here))

    second = here.pools.another(exchange, Reason.UPSTREAM_REFUSED)
    assert second is not None
    assert second.endpoint == ("127.0.0.1", 8001)
    assert here.pools.another(exchange, Reason.UPSTREAM_REFUSED) is None
    assert in_flight(here) == [0, 0]


def test_whoever_has_no_place_has_no_other(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), "GET http://site.example/a HTTP/1.1\nHost: site.example")

    assert here.pools.another(judged(flow), Reason.UPSTREAM_REFUSED) is None


def test_what_happens_to_servers_is_recorded_and_said(scene: Setter) -> None:
    here = reverse(scene, PoolRules(health=HealthRules(fall=1, rise=1)))
    sentences: list[str] = []
    here.pools.said = sentences.append
    first = pool(here).members[0]
    first.note = "its health check failed: it answered 500"
    pool(here).checked(first, well=False)
    pool(here).checked(first, well=True)

    assert sentences == [
        "upstream `app`: http://127.0.0.1:8000 is down: its health check failed: it answered 500",
        "upstream `app`: http://127.0.0.1:8000 is up: it takes requests",
    ]
    told = [(each["server"], each["standing"], each["detail"]) for each in here.records()]
    assert told == [
        ("http://127.0.0.1:8000", "down", "its health check failed: it answered 500"),
        ("http://127.0.0.1:8000", "up", "it takes requests"),
    ]


def test_what_cannot_be_recorded_happens_all_the_same(scene: Setter) -> None:
    here = reverse(scene)
    here.writer.close()
    pool(here).checked(pool(here).members[0], well=False)

    assert [each.value for each in pool(here).standings().values()] == ["down", "up"]


def test_upstreams_join_and_leave_and_requests_under_way_end_where_they_are(scene: Setter) -> None:
    here = reverse(scene)
    other = UpstreamSettings(name="other", servers=(parse_server("http://127.0.0.1:9000"),))
    left = pool(here)
    place = left.take()
    assert isinstance(place, PlaceAt)

    here.pools.renew({"other": other})

    assert [each.name for each in here.pools] == ["other"]
    place.end(Outcome.SERVED)
    assert [each.in_flight for each in left.members] == [0, 0]


def test_an_upstream_that_is_still_asked_is_looked_after_although_it_was_left_out(scene: Setter) -> None:
    here = reverse(scene)

    here.pools.renew({}, frozenset({"app", "never there"}))
    assert [each.name for each in here.pools] == ["app"]
    here.pools.renew({})
    assert [each.name for each in here.pools] == []


def test_the_longest_line_is_known(scene: Setter) -> None:
    assert reverse(scene, PoolRules(queue=QueueRules(timeout=7.0))).pools.longest_wait == 7.0
