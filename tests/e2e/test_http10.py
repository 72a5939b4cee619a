"""Clients and origins of HTTP/1.0: each hop has its own version, its own framing and its own end."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.protected import HOST, Protected, Said, Version, protected, read_answer

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

OLD_ANSWER: Final = b"HTTP/1.0 200 OK\r\n\r\nhello"


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(tmp_path_factory.mktemp("old")) as found:
        yield found


@contextmanager
def answering(here: Protected, answer: bytes, *, closes: bool = False) -> Iterator[None]:
    """Let the origin answer with these bytes."""
    here.origin.answer = answer
    here.origin.serve = _closing(answer) if closes else None
    here.origin.visits.clear()
    try:
        yield
    finally:
        here.origin.serve = here.upstream.serve


def _closing(answer: bytes) -> Callable[[socket.socket, Visit], None]:
    def serve(connection: socket.socket, visit: Visit) -> None:
        while b"\r\n\r\n" not in visit.data:
            visit.data += connection.recv(65536)
        connection.sendall(answer)

    return serve


def old(method: str = "GET", *fields: str, body: bytes = b"") -> bytes:
    lines = (f"{method} / HTTP/1.0", f"Host: {HOST}", *fields, "", "")
    return "\r\n".join(lines).encode() + body


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_chunks_end_for_a_client_of_http_1_0_with_its_connection(
    upstream: Version, tmp_path_factory: pytest.TempPathFactory
) -> None:
    with protected(tmp_path_factory.mktemp(upstream), upstream) as here:
        here.upstream.says = Said(body="hello", trailers=(("x-sum", "1"),))
        with here.wire() as wire:
            wire.send(old("GET", "Connection: keep-alive"))
            answer = read_answer(wire)

    assert (answer.status, answer.body, answer.get("connection")) == (200, b"hello", "close")
    assert (answer.get("transfer-encoding"), answer.get("trailer")) == (None, None)


@pytest.mark.parametrize(
    ("method", "answer"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("GET", b"HTTP/1.1 204 No Content\r\n\r\n"),
        ("GET", b"HTTP/1.1 304 Not Modified\r\n\r\n"),
    ],
)
def test_a_client_that_keeps_its_connection_is_told_so_where_the_end_is_known(
    method: str, answer: bytes, here: Protected
) -> None:
    with answering(here, answer), here.wire() as wire:
        answers = [wire.ask(old(method, "Connection: Keep-Alive")) for _ in range(2)]

    assert [each.get("connection") for each in answers] == ["keep-alive"] * 2


def test_a_client_that_says_nothing_is_closed_behind_its_answer(here: Protected) -> None:
    with answering(here, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), here.wire() as wire:
        assert wire.ask(old()).get("connection") == "close"
        assert wire.ended


def test_a_refused_client_of_http_1_0_is_closed_too(here: Protected) -> None:
    with here.wire() as wire:
        refused = wire.ask(old("GET", "Host: other.example", "Connection: keep-alive"))
        assert (refused.status, refused.get("connection")) == (400, "close")
        assert wire.ended


@pytest.mark.parametrize("client", ["h1", "h2"])
def test_an_origin_of_http_1_0_is_heard_in_the_gateways_own_version(client: Version, here: Protected) -> None:
    with answering(here, OLD_ANSWER, closes=True):
        answer = here.ask(client)

    assert (answer.status, answer.body) == (200, b"hello")
    assert here.origin.received.startswith(b"GET / HTTP/1.1\r\n")


def test_the_version_of_every_answer_is_our_own(here: Protected) -> None:
    with answering(here, OLD_ANSWER, closes=True), here.wire() as wire:
        wire.send(old())
        assert wire.rest().startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (400, old("POST", "Transfer-Encoding: chunked", body=b"1\r\nx\r\n0\r\n\r\n")),
        (400, b"GET / HTTP/1.0\r\n\r\n"),
        (200, old("POST", "Content-Length: 2", body=b"ab")),
        (200, old("POST", "Content-Length: 0")),
        (200, old("GET", "Upgrade: websocket", "Connection: Upgrade")),
    ],
    ids=["no chunks", "for nobody", "a length", "an empty body", "no upgrade"],
)
def test_a_request_is_framed_as_http_1_0_can(status: int, request_: bytes, here: Protected) -> None:
    with answering(here, b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"), here.wire() as wire:
        assert wire.ask(request_).status == status

    assert (b" HTTP/1.1\r\n" in here.origin.received) is (status == 200)
    assert b"pgrade" not in here.origin.received
