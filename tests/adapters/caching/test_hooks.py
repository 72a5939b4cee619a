from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import ConnectionState as Connected
from mitmproxy.http import Headers

from addons.caching.attempts import attempt_of
from addons.caching.hooks import Arriving, Caching
from addons.tls.server_tls import ClientIdentity
from gateway.authority.making import make
from gateway.config.settings import CacheSettings
from gateway.policy.model import Mode
from gateway.upstreams.pools.outliers import OutlierRules
from tests.adapters.requests import response_of
from tests.adapters.scene import ALLOW, NOW, Scene, answer_of, judged

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.http import HTTPFlow, Response

    from addons.caching.ahead import Ahead
    from gateway.cache.caches import Caches

type Sets = Callable[..., Scene]

OPEN = f"{ALLOW}unsafe_destinations: [127.0.0.0/8]\n"
GET = "GET /x HTTP/1.1\nHost: shop.example"
FRESH = "HTTP/1.1 200 OK\nCache-Control: max-age=60\nContent-Length: 4"
TAGGED = f'{FRESH}\nETag: "a"'
UNCHANGED = 'HTTP/1.1 304 Not Modified\nETag: "a"'


@dataclass
class Kept:
    """A scene with a cache, whose clock is moved by hand."""

    scene: Scene
    of: Ahead | None = None

    def __post_init__(self) -> None:
        scene = self.scene
        self.caching = Caching(self.of or scene.ahead, scene.recorder, self.respond, scene.refreshing, scene.now)

    @property
    def caches(self) -> Caches:
        return self.scene.ahead.caches

    @property
    def now(self) -> float:
        return self.scene.now()

    @now.setter
    def now(self, moment: float) -> None:
        self.scene.elapsed = moment - NOW

    def respond(self, flow: HTTPFlow) -> None:
        self.scene.admission.responseheaders(flow)
        self.scene.keeper.responseheaders(flow)

    def ask(self, head: str = GET, client: Client | None = None) -> HTTPFlow:
        """A request, after every hook that sees its head."""
        return asyncio.run(self.asks(head, client))

    async def asks(self, head: str = GET, client: Client | None = None) -> HTTPFlow:
        """The same, for whoever has to see what goes on behind it."""
        flow = await self.scene.asks(client or self.scene.client(), head)
        pending = self.caching.requestheaders(flow)
        if pending is not None:
            await pending
        return flow

    def answer(self, flow: HTTPFlow, head: str, *pieces: bytes) -> Response:
        """The upstream's answer to it, to its end."""
        flow.response = response_of(head)
        Arriving(self.caching).responseheaders(flow)
        self.respond(flow)
        self.caching.responseheaders(flow)
        passed = b"".join(_through(answer_of(flow), piece) for piece in (*pieces, b""))
        self.caching.response(flow)
        answer_of(flow).raw_content = passed
        return answer_of(flow)

    def bring(self, head: str = FRESH, *pieces: bytes) -> Response:
        """A request that goes to the origin, and its answer."""
        return self.answer(self.ask(), head, *(pieces or (b"body",)))


def _through(answer: Response, piece: bytes) -> bytes:
    passed = answer.stream(piece) if callable(answer.stream) else (piece,)
    return passed if isinstance(passed, bytes) else b"".join(passed)


@pytest.fixture
def kept(scene: Sets) -> Kept:
    return Kept(scene(mode=Mode.REVERSE, policy=OPEN, cache=CacheSettings(size=100_000, largest=10_000)))


def test_what_was_kept_is_given_without_an_upstream_and_is_on_record(kept: Kept) -> None:
    kept.bring()
    kept.now += 20
    flow = kept.ask()

    answer = answer_of(flow)
    assert (answer.status_code, answer.raw_content, answer.headers["age"]) == (200, b"body", "20")
    assert answer.headers["cache-status"] == "gateway; hit; ttl=40"
    assert (judged(flow).cache, judged(flow).ended, judged(flow).down) == ("hit", True, 4)
    assert list(kept.scene.shapes())[-2:] == [("decision", "allow", "allowed-by-default"), ("end", 200)]


def test_a_route_without_a_cache_meets_none(scene: Sets) -> None:
    plain = Kept(scene(mode=Mode.REVERSE, policy=OPEN))

    flow = plain.ask()

    assert (attempt_of(flow), judged(flow).cache) == (None, None)
    assert "cache-status" not in plain.answer(flow, FRESH, b"body").headers
    assert not plain.caches


def test_a_refused_request_never_reaches_the_cache(scene: Sets) -> None:
    denying = Kept(scene(mode=Mode.REVERSE, policy="version: 1\nname: closed\ndefault: {action: deny}\n"))

    flow = denying.ask()

    assert (attempt_of(flow), answer_of(flow).status_code) == (None, 403)


def test_the_origins_own_answer_says_what_the_cache_did(kept: Kept) -> None:
    answer = kept.bring()

    assert answer.headers["cache-status"] == "gateway; fwd=uri-miss; fwd-status=200; stored"
    assert kept.caches.size > 0


def test_the_origin_is_asked_and_what_it_confirms_is_given(kept: Kept) -> None:
    kept.bring(TAGGED)
    kept.now += 90
    flow = kept.ask()
    assert flow.request.headers["if-none-match"] == '"a"'

    answer = kept.answer(flow, UNCHANGED)

    assert (answer.status_code, judged(flow).instead, judged(flow).cache) == (200, b"body", "validated")
    assert (answer.headers["age"], answer.headers["cache-status"]) == ("0", "gateway; fwd=stale; fwd-status=304")


def test_a_304_that_speaks_of_another_answer_is_no_answer(kept: Kept) -> None:
    kept.bring(TAGGED)
    kept.now += 90

    answer = kept.answer(kept.ask(), 'HTTP/1.1 304 Not Modified\nETag: "b"')

    assert (answer.status_code, answer.raw_content) == (502, b"")
    assert attempt_of(kept.ask()) is not None
    assert kept.caches.size == 0


def test_the_failure_of_an_origin_is_covered_with_what_is_kept(kept: Kept) -> None:
    kept.bring(TAGGED.replace("60", "60, stale-if-error=600"))
    kept.now += 90

    answer = kept.answer(kept.ask(), "HTTP/1.1 503 Unavailable\nContent-Length: 3", b"bad")

    assert (answer.status_code, answer.raw_content) == (200, b"body")
    assert answer.headers["cache-status"] == 'gateway; fwd=stale; fwd-status=503; detail="stale-if-error"'


def test_an_exchange_that_breaks_is_covered_while_the_client_is_there(kept: Kept) -> None:
    kept.bring(FRESH.replace("60", "60, stale-if-error=600"))
    kept.now += 90
    flow = kept.ask()
    kept.caching.error(flow)
    gone = kept.ask()
    gone.client_conn.state = Connected.CLOSED
    kept.caching.error(gone)

    assert (answer_of(flow).status_code, judged(flow).stands_in, judged(flow).cache) == (200, True, "stale")
    assert (gone.response, judged(gone).stands_in) == (None, False)


def test_what_broke_in_the_middle_is_not_kept(kept: Kept) -> None:
    flow = kept.ask()
    flow.response = response_of(FRESH)
    kept.caching.arrived(flow)
    kept.respond(flow)
    kept.caching.responseheaders(flow)
    kept.caching.error(flow)
    kept.caching.response(flow)

    assert (kept.caches.size, len(kept.caching.planner.flights)) == (0, 0)


def test_room_for_gathering_is_bounded_and_comes_back(kept: Kept) -> None:
    chunks = "HTTP/1.1 200 OK\nCache-Control: max-age=60\nTransfer-Encoding: chunked"
    flows = [kept.ask(f"GET /{number} HTTP/1.1\nHost: shop.example") for number in range(12)]
    for flow in flows:
        flow.response = response_of(chunks)
        kept.caching.arrived(flow)
    gathered = [bool((found := attempt_of(flow)) and found.gathering) for flow in flows]
    for flow in flows:
        kept.caching.error(flow)

    assert gathered == [True] * 10 + [False] * 2
    assert kept.bring(chunks, b"body").headers["cache-status"] == "gateway; fwd=uri-miss; fwd-status=200"
    assert kept.caches.size > 0


@pytest.mark.parametrize(("method", "left"), [("POST", 0), ("GET", 1), ("OPTIONS", 1)])
def test_a_change_outdates_also_what_another_route_keeps(kept: Kept, scene: Sets, method: str, left: int) -> None:
    kept.bring()
    plain = Kept(scene(mode=Mode.REVERSE, policy=OPEN), of=kept.scene.ahead)
    plain.answer(plain.ask(f"{method} /x HTTP/1.1\nHost: shop.example"), FRESH)

    assert bool(kept.caches.size) == bool(left)


def test_with_its_client_whatever_was_on_its_way_is_lost(kept: Kept) -> None:
    flow = kept.ask()
    assert len(kept.caching.planner.flights) == 1

    kept.caching.client_disconnected(flow.client_conn)

    assert len(kept.caching.planner.flights) == 0


def test_fields_that_nobody_may_read_are_not_read_by_the_cache(kept: Kept) -> None:
    flow = kept.ask()
    flow.response = response_of(FRESH)
    flow.response.headers.fields += ((b"X-Split", b"a\x00b"),)
    kept.caching.arrived(flow)
    kept.respond(flow)
    kept.caching.responseheaders(flow)

    assert (answer_of(flow).status_code, kept.caches.size) == (502, 0)


def test_what_was_said_behind_the_content_is_not_lost_in_the_cache(kept: Kept) -> None:
    flow = kept.ask()
    flow.response = response_of(FRESH)
    kept.caching.arrived(flow)
    kept.respond(flow)
    kept.caching.responseheaders(flow)
    answer_of(flow).trailers = Headers(((b"X-Checksum", b"1"),))
    kept.caching.response(flow)

    assert kept.caches.size == 0


@pytest.mark.parametrize("failure", ["says so", "is gone"])
def test_what_a_server_failed_at_counts_against_it_and_what_was_kept_says_nothing_of_it(
    kept: Kept, failure: str
) -> None:
    kept.bring(FRESH.replace("60", "60, stale-if-error=600"))
    kept.now += 90
    for _ in range(OutlierRules().failures):
        flow = kept.ask()
        if failure == "says so":
            kept.answer(flow, "HTTP/1.1 503 Unavailable\nContent-Length: 3", b"bad")
        else:
            kept.caching.error(flow)
        assert answer_of(flow).status_code == 200
    has_failed = is_suspected(flow)
    kept.now -= 90
    given = kept.ask()

    assert (answer_of(given).status_code, has_failed, judged(given).place) == (200, True, None)


def test_nobody_is_given_what_the_certificate_of_another_client_produced(kept: Kept) -> None:
    """The gateway tells the origin who has proved who he is: whatever it answers, it may be for him alone."""
    kept.bring(FRESH.replace("max-age", "public, max-age"))
    anonymous = kept.ask()
    client = kept.scene.client()
    kept.scene.state(client).identity = ClientIdentity.of(make(datetime.fromtimestamp(NOW, UTC)).certificate)
    known = kept.ask(client=client)
    assert "client-cert" in known.request.headers
    kept.answer(known, FRESH.replace("max-age", "public, max-age"), b"mine")

    assert (answer_of(anonymous).raw_content, judged(known).cache) == (b"body", "stored")
    assert (answer_of(kept.ask()).raw_content, answer_of(kept.ask(client=client)).raw_content) == (b"body", b"mine")


def is_suspected(flow: HTTPFlow) -> bool:
    """Whether the server of a request has failed so often that it would be spared, were there another one."""
    place = judged(flow).place
    assert place is not None
    return place.member.outlier.is_due
