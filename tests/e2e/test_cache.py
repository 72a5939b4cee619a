"""The cache over real sockets, in front of an origin that counts what reaches it."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from addons.caching.hooks import Caching
from tests.e2e.cached import HOST, KEPT, SMALL, Shop, shop
from tests.e2e.commands import until
from tests.e2e.wire import Answer, connect

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from addons.caching.flights import Flights

pytestmark = pytest.mark.e2e

CROWD: Final = 200
TAGGED: Final = b'HTTP/1.1 200 OK\r\nCache-Control: %s\r\nETag: "a"\r\nContent-Length: 4\r\n\r\nkept'
UNCHANGED: Final = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
FAILING: Final = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 6\r\n\r\nfailed"


@pytest.fixture
def front(tmp_path: Path) -> Iterator[Shop]:
    with shop(tmp_path) as opened:
        yield opened


def told(answer: Answer) -> str | None:
    return answer.get("cache-status")


def validating(says: bytes) -> Callable[[bytes], bytes]:
    """An origin whose answer never changes."""
    return lambda request: UNCHANGED if b'If-None-Match: "a"' in request else TAGGED % says


def ends(front: Shop) -> list[tuple[int | None, str | None]]:
    """Of every end that is on record: its status and what the cache did."""
    return [(each["status"], each.get("cache")) for each in front.gateway.records() if each["event"] == "end"]


def test_the_second_client_is_given_what_the_first_one_brought(tmp_path: Path) -> None:
    with shop(tmp_path) as front:
        first, second = front.asks("/x")
        head = front.ask("/x", method="HEAD")
        mine = front.ask("/elsewhere")

    assert [first.body, second.body, head.body] == [b"kept", b"kept", b""]
    assert (told(first), first.get("age")) == ("gateway; fwd=uri-miss; fwd-status=200; stored", None)
    assert (told(second) or "").startswith("gateway; hit; ttl=")
    assert (second.get("age"), head.get("content-length"), told(mine)) == ("0", "4", told(first))
    assert len(front.requests) == 2
    assert ends(front) == [(200, "stored"), (200, "hit"), (200, "hit"), (200, "stored")]
    decisions = [each for each in front.gateway.records() if each["event"] == "decision"]
    assert [each["decision"]["verdict"] for each in decisions] == ["allow"] * 4


def test_a_connection_stays_open_over_answers_that_are_kept(front: Shop) -> None:
    request = f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode()
    with connect(front.gateway.reverse) as wire:
        answers = [wire.ask(request) for _ in range(4)]

    assert [each.body for each in answers] == [b"kept"] * 4
    assert len(front.requests) == 1


def test_two_hundred_who_want_the_same_at_once_are_one_request_to_the_origin(front: Shop) -> None:
    answer = threading.Event()

    def slow(_request: bytes) -> bytes:
        answer.wait(10)
        return KEPT

    front.answering = slow
    flights = caching_of(front)
    with ThreadPoolExecutor(CROWD) as crowd:
        asked = [crowd.submit(front.ask, "/x") for _ in range(CROWD)]
        until(lambda: waiting_in(flights) == CROWD - 1, "not all of them wait")
        answer.set()
        answers = [each.result() for each in asked]

    assert len(front.requests) == 1
    assert [each.body for each in answers] == [b"kept"] * CROWD
    assert sorted("collapsed" in (told(each) or "") for each in answers) == [False] + [True] * (CROWD - 1)


def test_what_is_for_one_alone_is_fetched_by_everybody_himself(front: Shop) -> None:
    answer = threading.Event()

    def private(_request: bytes) -> bytes:
        answer.wait(10)
        with lock:
            numbers.append(len(numbers))
            return b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 3\r\n\r\n%03d" % numbers[-1]

    lock, numbers = threading.Lock(), list[int]()
    front.answering = private
    flights = caching_of(front)
    with ThreadPoolExecutor(20) as crowd:
        asked = [crowd.submit(front.ask, "/x") for _ in range(20)]
        until(lambda: waiting_in(flights) == 19, "not all of them wait")
        answer.set()
        bodies = [each.result().body for each in asked]

    assert len(set(bodies)) == len(front.requests) == 20


def test_when_the_one_who_went_leaves_the_others_are_served_all_the_same(front: Shop) -> None:
    first, go_on = threading.Event(), threading.Event()

    def slow(_request: bytes) -> bytes:
        if not first.is_set():
            first.set()
            go_on.wait(10)
        return KEPT

    front.answering = slow
    flights = caching_of(front)
    with ThreadPoolExecutor(5) as crowd:
        with connect(front.gateway.reverse) as leader:
            leader.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert first.wait(10)
            asked = [crowd.submit(front.ask, "/x") for _ in range(5)]
            until(lambda: waiting_in(flights) == 5, "not all of them wait")
        answers = [each.result() for each in asked]
        go_on.set()

    assert [each.body for each in answers] == [b"kept"] * 5
    assert len(front.requests) == 2


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\ncut",
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n3\r\ncut\r\n",
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nConnection: close\r\n\r\nno end",
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % (SMALL + 1)
        + b"x" * (SMALL + 1),
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nTransfer-Encoding: chunked\r\n\r\n"
        + b"4000\r\n%s\r\n" % (b"x" * 0x4000) * 5
        + b"0\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nSet-Cookie: who=alice\r\nContent-Length: 2\r\n\r\nhi",
    ],
    ids=["cut", "cut-chunks", "no-clear-end", "too-large", "grows-too-large", "cookie"],
)
def test_what_is_broken_too_large_or_for_one_alone_is_never_kept(front: Shop, answer: bytes) -> None:
    def once(_request: bytes) -> bytes:
        return answer if len(front.requests) == 1 else KEPT

    front.answering = once

    def closing(connection: Any, visit: Any) -> None:
        """Close behind the first answer, as after a failure."""
        if front.requests:
            front.serve(connection, visit)
        else:
            serve_one(front, connection, visit)

    with behind(front, closing), connect(front.gateway.reverse) as wire:
        wire.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())
        while wire.socket.recv(65536):
            pass
        second = front.ask("/x")

    assert (second.body, len(front.requests)) == (b"kept", 2)
    assert front.gateway.engine.caches.size < 2 * SMALL


def test_a_client_that_leaves_in_the_middle_leaves_nothing_behind(front: Shop) -> None:
    more, begun = threading.Event(), threading.Event()

    def serve(connection: Any, visit: Any) -> None:
        if front.requests:
            front.serve(connection, visit)
            return
        front.requests.append(connection.recv(65536))
        connection.sendall(b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 8\r\n\r\nhalf")
        begun.set()
        more.wait(10)

    with behind(front, serve):
        with connect(front.gateway.reverse) as wire:
            wire.send(f"GET /x HTTP/1.1\r\nHost: {HOST}\r\n\r\n".encode())
            assert begun.wait(10)
        until(lambda: front.gateway.call(lambda: len(front.gateway.engine.connections)) == 0, "it never left")
        more.set()
        second = front.ask("/x")

    assert (second.body, (told(second) or "").count("hit")) == (b"kept", 0)


def test_the_gate_decides_before_anything_kept_is_given(tmp_path: Path) -> None:
    policy = """
rules:
  - {id: no-bots, action: deny, reason: no bots, when: {header.user-agent: {contains: [bot]}}}
"""
    with shop(tmp_path, policy=policy) as front:
        assert front.ask("/x").status == 200
        refused = front.ask("/x", "User-Agent: a bot")

    assert refused.verdict == (403, "rule-deny", "no-bots")
    assert refused.get("cache-status") is None


def test_a_kept_answer_is_judged_as_one_from_the_origin_is(tmp_path: Path) -> None:
    policy = """
rules:
  - {id: no-text, action: deny, reason: no text, when: {response.type: [text/plain], header.user-agent: {is: [strict]}}}
headers:
  - {response: {set: {X-Frame-Options: DENY}}}
limits:
  - {id: per-client, key: [client.ip], rate: 100/min, burst: 100}
"""
    answer = KEPT.replace(b"\r\n\r\n", b"\r\nServer: uvicorn\r\nContent-Type: text/plain\r\nX-Powered-By: x\r\n\r\n")
    with shop(tmp_path, lambda _request: answer, policy=policy) as front:
        first, second = front.asks("/x")
        refused = front.ask("/x", "User-Agent: strict")

    assert len(front.requests) == 1
    assert refused.verdict == (403, "rule-deny", "no-text")
    assert ends(front)[-1] == (403, "hit")
    for each in (first, second):
        assert (each.get("x-frame-options"), each.get("server"), each.get("x-powered-by")) == ("DENY", None, None)
        assert each.get("ratelimit") is not None
    assert first.get("ratelimit") != second.get("ratelimit")


def test_a_stale_answer_is_asked_about_and_given_again_when_it_holds(front: Shop) -> None:
    front.answering = validating(b"max-age=0")
    first, second = front.asks("/x")
    mine = front.ask("/x", 'If-None-Match: "a"')
    head = front.ask("/x", method="HEAD")

    assert [each.body for each in (first, second, mine, head)] == [b"kept", b"kept", b"", b""]
    assert [each.status for each in (first, second, mine, head)] == [200, 200, 304, 200]
    assert told(second) == "gateway; fwd=stale; fwd-status=304"
    assert [b"If-None-Match" in each for each in front.requests] == [False, True, True, True]


def test_a_client_that_has_it_already_is_told_so(front: Shop) -> None:
    front.answering = validating(b"max-age=60")
    front.ask("/x")
    same, other = front.ask("/x", 'If-None-Match: "a"'), front.ask("/x", 'If-None-Match: "b"')

    assert (same.status, same.body, same.get("etag")) == (304, b"", '"a"')
    assert (other.status, other.body) == (200, b"kept")
    assert len(front.requests) == 1


@pytest.mark.parametrize("failure", [FAILING, b""], ids=["says-so", "is-gone"])
def test_a_stale_answer_stands_in_for_an_origin_that_fails(front: Shop, failure: bytes) -> None:
    front.answering = lambda _request: TAGGED % b"max-age=0, stale-if-error=60"
    front.ask("/x")
    front.answering = lambda _request: failure
    stale, none = front.ask("/x"), front.ask("/y")

    assert (stale.status, stale.body) == (200, b"kept")
    assert 'detail="stale-if-error"' in (told(stale) or "")
    assert none.status == (503 if failure else 502)


def test_what_is_stale_is_given_at_once_to_all_while_one_request_of_its_own_asks(front: Shop) -> None:
    front.answering = lambda _request: TAGGED % b"max-age=0, stale-while-revalidate=60"
    front.ask("/x")
    asked, answer = threading.Event(), threading.Event()

    def slow(request: bytes) -> bytes:
        asked.set()
        answer.wait(10)
        return UNCHANGED

    front.answering = slow
    stale = front.asks("/x", times=3)
    assert asked.wait(10)
    stale += front.asks("/x", times=3)
    asking = front.gateway.call(lambda: len(front.gateway.engine.refreshing))
    answer.set()
    until(lambda: ends(front)[-1:] == [(304, "refreshed")], "it never ended")

    assert [(each.status, each.body) for each in stale] == [(200, b"kept")] * 6
    assert all((told(each) or "").startswith("gateway; hit; ttl=-") for each in stale)
    assert (asking, len(front.requests)) == (1, 2)
    assert b'If-None-Match: "a"' in front.requests[1]
    decisions = [each for each in front.gateway.records() if each["event"] == "decision"]
    assert [each["decision"]["verdict"] for each in decisions] == ["allow"] * 8


def test_only_what_is_kept_is_given_to_who_wants_nothing_else(front: Shop) -> None:
    before = front.ask("/x", "Cache-Control: only-if-cached")
    front.ask("/x")
    after = front.ask("/x", "Cache-Control: only-if-cached")

    assert (before.status, after.status, len(front.requests)) == (504, 200, 1)


@pytest.mark.parametrize("field", ["Cache-Control: no-store", 'If-Match: "a"'])
def test_what_is_not_for_the_cache_passes_it(front: Shop, field: str) -> None:
    front.ask("/x")
    front.asks("/x", field)

    assert len(front.requests) == 3
    assert field.encode() in front.requests[-1]


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "PATCH"])
def test_a_change_outdates_what_is_kept(front: Shop, method: str) -> None:
    front.asks("/x")
    front.ask("/x", "Content-Length: 0", method=method)
    front.ask("/x")

    assert [each.split(b" ")[0].decode() for each in front.requests] == ["GET", method, "GET"]


def test_an_answer_that_was_asked_for_before_a_change_is_not_kept_behind_it(front: Shop) -> None:
    asked, answer = threading.Event(), threading.Event()

    def slow(request: bytes) -> bytes:
        if request.startswith(b"GET") and not asked.is_set():
            asked.set()
            answer.wait(10)
        return KEPT

    front.answering = slow
    with ThreadPoolExecutor(1) as one:
        old = one.submit(front.ask, "/x")
        assert asked.wait(10)
        front.ask("/x", "Content-Length: 0", method="POST")
        answer.set()
        assert old.result().status == 200
    front.ask("/x")

    assert len(front.requests) == 3


def test_what_is_purged_is_fetched_again(front: Shop) -> None:
    front.ask("/items/1")
    front.ask("/about")
    dropped = front.gateway.call(lambda: front.gateway.engine.purge(f"http://{HOST}/items"))
    front.ask("/items/1")
    front.ask("/about")

    assert dropped == 1
    assert [each.split(b" ")[1] for each in front.requests] == [b"/items/1", b"/about", b"/items/1"]


def test_however_much_is_asked_for_the_memory_stays_within_its_bound(tmp_path: Path) -> None:
    body = b"x" * 10_000
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with shop(tmp_path, lambda _request: answer, size=SMALL) as front:
        for number in range(30):
            assert front.ask(f"/{number}").body == body
            assert front.gateway.engine.caches.size <= SMALL
        assert front.gateway.engine.caches.size > SMALL // 2


def caching_of(front: Shop) -> Flights:
    """What is on its way in the gateway of this shop."""
    caching = next(each for each in front.gateway.engine.addons if isinstance(each, Caching))
    return caching.planner.flights


def waiting_in(flights: Flights) -> int:
    return sum(each.waiting for each in flights)


@contextmanager
def behind(front: Shop, serve: Callable[[Any, Any], None]) -> Iterator[None]:
    """Let the origin serve its connections in this way."""
    before, front.origin.serve = front.origin.serve, serve
    try:
        yield
    finally:
        front.origin.serve = before


def serve_one(front: Shop, connection: Any, visit: Any) -> None:
    """Answer one request, then close."""
    request = connection.recv(65536)
    visit.data += request
    front.requests.append(request)
    connection.sendall(front.answering(request))
