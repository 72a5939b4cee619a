"""The straight way and the long one, side by side: the same exchanges, the same bytes, decisions and records."""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from addons.http1.straight import Straight
from addons.judging.exchange import Cut
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.conversations import POLICY
from tests.e2e.gateways import Scenery, Wire, serving
from tests.e2e.origin import HELLO, client, identity_for, origin, read_all, read_answer, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterable, Iterator

    from mitmproxy.http import HTTPFlow
    from mitmproxy.proxy import commands, events

    from tests.e2e.origin import Visit

HOST: Final = b"Host: shop.example\r\n"
GET: Final = b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n"
LAST: Final = b"GET /last HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n"
_ID: Final = re.compile(rb"[0-9A-HJKMNP-TV-Z]{26}")

pytestmark = pytest.mark.e2e


@dataclass
class Breaking:
    """An addon that fails where a request asks for it."""

    def _break(self, flow: HTTPFlow, hook: str) -> None:
        if flow.request.path == f"/broken-{hook}":
            raise RuntimeError(hook)

    def requestheaders(self, flow: HTTPFlow) -> None:
        self._break(flow, "requestheaders")
        if flow.request.path == "/cut-request":
            flow.request.stream = _cut

    def request(self, flow: HTTPFlow) -> None:
        self._break(flow, "request")

    def responseheaders(self, flow: HTTPFlow) -> None:
        self._break(flow, "responseheaders")
        if flow.request.path == "/cut" and flow.response is not None:
            flow.response.stream = _cut

    def response(self, flow: HTTPFlow) -> None:
        self._break(flow, "response")


def _cut(piece: bytes) -> bytes:
    if piece:
        raise Cut.__new__(Cut)
    return piece


@dataclass
class Ways:
    """Counts the steps that were taken, or switches them off, so that everything goes the long way."""

    takes: bool = True
    steps: int = 0
    answers: int = 0

    def count(
        self, take: Callable[[Straight, events.Event], Iterable[commands.Command] | None]
    ) -> Callable[[Straight, events.Event], Iterable[commands.Command] | None]:
        """The method that takes events, counted."""

        def counted(straight: Straight, event: events.Event) -> Iterable[commands.Command] | None:
            done = take(straight, event) if self.takes else None
            self.steps += done is not None
            return done

        return counted


def counting_answers(ways: Ways, answered: Callable[..., Any]) -> Callable[..., Any]:
    """The method that takes answers, counted."""

    def counted(straight: Straight, event: events.DataReceived) -> Iterable[commands.Command] | None:
        done: Iterable[commands.Command] | None = answered(straight, event)
        ways.answers += done is not None
        return done

    return counted


@pytest.fixture(scope="module", params=["http", "https"])
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    """A gateway in front of an origin that speaks plain HTTP, or TLS."""
    folder = tmp_path_factory.mktemp("straight")
    identity = identity_for(folder, "origin.example") if request.param == "https" else None
    with origin(tls=None if identity is None else identity.context) as served:
        scenery = Scenery(folder=folder, origin=served.port, policy=POLICY, last=(Breaking(),), scheme=request.param)
        scenery.trust = None if identity is None else identity.authority
        with serving(scenery) as gateway:
            yield Wire(gateway, served)


@pytest.fixture
def ways(monkeypatch: pytest.MonkeyPatch) -> Ways:
    counted = Ways()
    monkeypatch.setattr(Straight, "take", counted.count(Straight.take))
    monkeypatch.setattr(Straight, "answered", counting_answers(counted, Straight.answered))
    return counted


def plain(*fields: bytes, line: bytes = b"GET /in HTTP/1.1", body: bytes = b"") -> bytes:
    return line + b"\r\n" + HOST + b"".join(each + b"\r\n" for each in fields) + b"\r\n" + body


def answer(*fields: bytes, line: bytes = b"HTTP/1.1 200 OK", body: bytes = b"hello") -> bytes:
    return line + b"\r\n" + b"".join(each + b"\r\n" for each in fields) + b"\r\n" + body


LENGTH: Final = b"Content-Length: 5"
ASKED: Final = {
    "plain": GET,
    "fields": plain(b"X-Secret: 1", b"Accept: */*", b"Connection: keep-alive", b"Cookie: a=b", b"cookie: c=d"),
    "query": plain(line=b"GET /in/%41?q=1&q=%2f HTTP/1.1"),
    "delete": plain(line=b"DELETE /in HTTP/1.1"),
    "options": plain(line=b"OPTIONS * HTTP/1.1"),
    "head": plain(line=b"HEAD /in HTTP/1.1"),
    "nominated": plain(b"X-Mine: 1", b"Connection: X-Mine, keep-alive"),
    "no length": plain(b"Content-Length: 0", line=b"POST /in HTTP/1.1"),
    "body": plain(LENGTH, line=b"POST /in HTTP/1.1", body=b"12345"),
    "large body": plain(b"Content-Length: 300000", line=b"POST /in HTTP/1.1", body=b"x" * 300_000),
    "more than the body": plain(LENGTH, line=b"POST /in HTTP/1.1", body=b"12345") + GET,
    "refused with body": plain(LENGTH, line=b"POST /refused HTTP/1.1", body=b"12345"),
    "broken request with body": plain(LENGTH, line=b"POST /broken-request HTTP/1.1", body=b"12345"),
    "broken head with body": plain(LENGTH, line=b"POST /broken-requestheaders HTTP/1.1", body=b"12345"),
    "broken answer with body": plain(LENGTH, line=b"POST /broken-response HTTP/1.1", body=b"12345"),
    "cut body": plain(LENGTH, line=b"POST /cut-request HTTP/1.1", body=b"12345"),
    "chunks": plain(b"Transfer-Encoding: chunked", line=b"POST /in HTTP/1.1", body=b"3\r\nabc\r\n0\r\n\r\n"),
    "expects": plain(b"Expect: 100-continue"),
    "upgrade": plain(b"Upgrade: h2c", b"Connection: Upgrade"),
    "old": plain(b"Connection: keep-alive", line=b"GET /in HTTP/1.0"),
    "absolute": plain(line=b"GET http://shop.example/in HTTP/1.1"),
    "elsewhere": plain(line=b"GET http://other.example/in HTTP/1.1"),
    "refused": plain(line=b"GET /refused HTTP/1.1"),
    "two hosts": plain(b"Host: shop.example"),
    "blank line": b"\r\n" + GET,
    "two at once": GET + GET,
    "lone feed": plain(b"X-A: b\nX-C: d"),
    "control": plain(b"X-A: b\x01"),
    "bare return": plain(b"X-A: b\rc"),
    "folded": plain(b"X-A: b\r\n c"),
    "no colon": plain(b"X-A"),
    "blank in name": plain(b"X A: b"),
    "both lengths": plain(LENGTH, b"Transfer-Encoding: chunked"),
    "trace": plain(line=b"TRACE /in HTTP/1.1"),
    "small letters": plain(line=b"get /in HTTP/1.1"),
    "version": plain(line=b"GET /in HTTP/1.2"),
    "three blanks": plain(line=b"GET  /in HTTP/1.1"),
    "no host": b"GET /in HTTP/1.1\r\n\r\n",
    "closes": LAST,
    "broken head": plain(line=b"GET /broken-requestheaders HTTP/1.1"),
    "broken request": plain(line=b"GET /broken-request HTTP/1.1"),
    "broken answer head": plain(line=b"GET /broken-responseheaders HTTP/1.1"),
    "broken answer": plain(line=b"GET /broken-response HTTP/1.1"),
    "cut": plain(line=b"GET /cut HTTP/1.1"),
}

ANSWERED: Final = {
    "hello": HELLO,
    "keeps": answer(LENGTH, b"Connection: Keep-Alive", b"Keep-Alive: timeout=5"),
    "closes": answer(LENGTH, b"Connection: close"),
    "nominates": answer(LENGTH, b"X-Hop: 1", b"Connection: X-Hop"),
    "nothing": answer(b"Content-Length: 0", body=b""),
    "no content": answer(line=b"HTTP/1.1 204 No Content", body=b""),
    "unchanged": answer(b'ETag: "a"', line=b"HTTP/1.1 304 Not Modified", body=b""),
    "missing": answer(LENGTH, line=b"HTTP/1.1 404 Not Found"),
    "error": answer(LENGTH, line=b"HTTP/1.1 500 Oh"),
    "busy": answer(LENGTH, b"Retry-After: 3", line=b"HTTP/1.1 503 Busy"),
    "moved": answer(LENGTH, b"Location: http://origin.example/x", line=b"HTTP/1.1 302 Found"),
    "chunks": answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\n"),
    "trailers": answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\nX-T: 1\r\n\r\n"),
    "interim": b"HTTP/1.1 100 Continue\r\n\r\n" + HELLO,
    "hints": b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" + HELLO,
    "switch": answer(b"Upgrade: websocket", b"Connection: Upgrade", line=b"HTTP/1.1 101 Switching Protocols", body=b""),
    "denied": answer(LENGTH, b"Content-Type: application/x-program"),
    "two lengths": answer(LENGTH, b"Content-Length: 6"),
    "both lengths": answer(LENGTH, b"Transfer-Encoding: chunked"),
    "odd length": answer(b"Content-Length: +5"),
    "control": answer(LENGTH, b"X-A: b\x00c"),
    "bad name": answer(LENGTH, b"X A: b"),
    "no reason": answer(LENGTH, line=b"HTTP/1.1 200"),
    "no status": answer(LENGTH, line=b"HTTP/1.1 2OO OK"),
    "old": answer(LENGTH, line=b"HTTP/1.0 200 OK"),
    "lone feed": HELLO.replace(b"\r\nX-Origin", b"\nX-Origin"),
    "more": HELLO + b"poison",
    "large": answer(b"Content-Length: 300000", body=b"x" * 300_000),
    "several chunks": answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n2;a=b\r\nyo\r\n0\r\n\r\n"),
    "no chunks": answer(b"Transfer-Encoding: chunked", body=b"0\r\n\r\n"),
    "broken chunks": answer(b"Transfer-Encoding: chunked", body=b"5\nhello\r\n0\r\n\r\n"),
    "more chunks": answer(b"Transfer-Encoding: chunked", body=b"5\r\nhello\r\n0\r\n\r\npoison"),
    "unchanged with length": answer(LENGTH, line=b"HTTP/1.1 304 Not Modified", body=b""),
    "no content with more": answer(line=b"HTTP/1.1 204 No Content"),
    "denied chunks": answer(
        b"Transfer-Encoding: chunked", b"Content-Type: application/x-program", body=b"5\r\nhello\r\n0\r\n\r\n"
    ),
    "denied nothing": answer(b"Content-Length: 0", b"Content-Type: application/x-program", body=b""),
}


def exchanges(wire: Wire, asked: bytes, ways: Ways, *, takes: bool) -> tuple[Any, ...]:
    """What a client gets that asks twice, the second time for the last; what the origin got; and what was recorded."""
    gateway, served = wire.gateway, wire.origin
    served.visits.clear()
    before, ways.takes = len(written(wire)), takes
    with client(gateway.reverse) as connection:
        connection.sendall(GET)
        first = read_answer(connection)
        with suppress(ConnectionError):  # what fails in a hook resets the connection
            connection.sendall(asked)
            connection.sendall(LAST)
        rest = read_all(connection)
    until(lambda: gateway.call(lambda: len(gateway.engine.connections)) == 0, "the connection is not over")
    until(lambda: all(each.closed.is_set() for each in served.visits), "the origin is still asked")
    arrived = sorted(without_ids(bytes(each.data)) for each in served.visits)
    return without_ids(first), without_ids(rest), arrived, [steady(each) for each in written(wire)[before:]]


def written(wire: Wire) -> list[dict[str, Any]]:
    until(lambda: wire.gateway.engine.writer.waiting == 0, "the records are not written")
    return wire.gateway.records()


def without_ids(data: bytes) -> bytes:
    return _ID.sub(b"ID", data)


def steady(record: dict[str, Any]) -> dict[str, Any]:
    """A record without what is another one each time."""
    kept = {name: value for name, value in record.items() if name not in {"seq", "time", "id", "seconds"}}
    return kept | ({"client": {**record["client"], "port": 0}} if "client" in record else {})


@pytest.mark.parametrize("name", ASKED)
def test_a_request_meets_the_same_on_both_ways(name: str, standing: Wire, ways: Ways) -> None:
    wire = standing.fresh()

    straight, long = [exchanges(wire, ASKED[name], ways, takes=takes) for takes in (True, False)]

    assert straight == long
    assert ways.steps >= 1
    assert straight[3]


@pytest.mark.parametrize("name", ANSWERED)
def test_an_answer_meets_the_same_on_both_ways(name: str, standing: Wire, ways: Ways) -> None:
    wire = standing.fresh()
    wire.origin.serve = second(ANSWERED[name])

    straight, long = [
        exchanges(wire, plain(line=b"GET /second HTTP/1.1"), ways, takes=takes) for takes in (True, False)
    ]

    assert straight == long
    assert ways.steps >= 1


def second(said: bytes) -> Callable[[socket.socket, Visit], None]:
    """An origin that answers one path so, and all others as usual."""

    def serve(connection: socket.socket, visit: Visit) -> None:
        while asked := origins.read_request(connection, visit):
            connection.sendall(said if asked.startswith(b"GET /second") else HELLO)

    return serve


def test_what_is_usual_goes_the_straight_way_from_end_to_end(standing: Wire, ways: Ways) -> None:
    wire = standing.fresh()
    with client(wire.gateway.reverse) as connection:
        connection.sendall(GET)
        first = read_answer(connection)
        before, ways.answers = ways.steps, 0
        connection.sendall(GET)
        again = read_answer(connection)
        until(lambda: ways.steps > before, "not every step was taken")

    assert (status_of(first), status_of(again), ways.answers) == (200, 200, 1)
    assert len(wire.origin.visits) == 1


def read_on(connection: socket.socket, visit: Visit) -> None:
    """An origin that never answers."""
    while origins.read_request(connection, visit):
        pass


def test_a_client_that_leaves_before_the_answer_ends_the_exchange_once(standing: Wire, ways: Ways) -> None:
    wire = standing.fresh()
    wire.origin.serve = read_on
    before = len(written(wire))
    with client(wire.gateway.reverse) as connection:
        connection.sendall(GET)
        until(lambda: bool(wire.origin.received), "the request did not arrive")
    until(lambda: wire.gateway.call(lambda: len(wire.gateway.engine.connections)) == 0, "the connection is not over")

    decided, ended = written(wire)[before:]
    assert decided["decision"]["verdict"] == "allow"
    assert (ended["event"], ended["id"], ended["status"]) == ("end", decided["id"], None)
    assert ways.steps >= 1
