"""A server of lists may do what it likes: a list comes whole and from where it was asked for, or not at all."""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pytest

from gateway.lists.feeds import Validators
from gateway.lists.fetching import Fetched, Fetcher, NotFetched
from gateway.policy.addresses import Address
from gateway.policy.language.feeds import parse_feed
from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import free_port
from tests.e2e.origin import Origin, Visit, origin, read_request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.policy.language.clauses import Feed

LIST = b"ads.example\ntrackers.example\n"
WHOLE = b'HTTP/1.1 200 OK\r\nETag: "v1"\r\nLast-Modified: Mon\r\nContent-Length: %d\r\n\r\n' % len(LIST) + LIST
TOLD = Validators('"v1"', "Mon")
NONE = Validators()


async def here(_feed: Feed) -> Sequence[Address]:
    return (Address.parse("127.0.0.1"),)


@dataclass
class Server:
    """A server of lists, and who believes it."""

    origin: Origin
    context: ssl.SSLContext
    fetcher: Fetcher

    def fetch(self, known: Validators = NONE, host: str = "lists.example") -> Fetched | None:
        feed = parse_feed(f"https://{host}:{self.origin.port}/ads")
        return asyncio.run(self.fetcher.fetch(feed, known, self.context))

    def refused(self, answer: bytes) -> str:
        """Why nothing comes of this answer."""
        self.origin.answer = answer
        return self.why()

    def why(self, host: str = "lists.example") -> str:
        with pytest.raises(NotFetched) as refused:
            self.fetch(host=host)
        return str(refused.value)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    root = authority()
    (tmp_path / "root.pem").write_bytes(root.pem)
    context = ssl.create_default_context(cafile=tmp_path / "root.pem")
    with origin(tls=root.signs(Wish(names=("lists.example",))).served(tmp_path)) as served:
        served.answer = WHOLE
        yield Server(served, context, Fetcher(here, largest=1000, deadline=5.0, silence=2.0))


def test_a_list_comes_with_what_its_server_says_of_it(server: Server) -> None:
    assert server.fetch() == Fetched(LIST, TOLD)
    assert b"Accept-Encoding: identity\r\n" in server.origin.received
    assert f"Host: lists.example:{server.origin.port}\r\n".encode() in server.origin.received
    assert b"If-" not in server.origin.received


def test_a_list_that_has_not_changed_does_not_come_again(server: Server) -> None:
    server.origin.answer = b"HTTP/1.1 304 Not Modified\r\n\r\n"

    assert server.fetch(TOLD) is None
    assert b'If-None-Match: "v1"\r\nIf-Modified-Since: Mon\r\n' in server.origin.received


def test_nothing_can_be_unchanged_of_which_there_is_no_copy(server: Server) -> None:
    assert server.refused(b"HTTP/1.1 304 Not Modified\r\n\r\n") == "answered 304"


@pytest.mark.parametrize(
    ("why", "answer"),
    [
        ("answered 500", b"HTTP/1.1 500 No\r\nContent-Length: 0\r\n\r\n"),
        ("answered 404", b"HTTP/1.1 404 No\r\nContent-Length: 0\r\n\r\n"),
        ("sent no whole answer", b"nothing like HTTP\r\n\r\n"),
        ("is larger than 1000 bytes", b"HTTP/1.1 200 OK\r\nContent-Length: 1001\r\n\r\n" + b"x" * 1001),
        ("is encoded as `gzip`", b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 1\r\n\r\nx"),
        (
            "redirects to another server",
            b"HTTP/1.1 302 F\r\nLocation: https://evil.example/\r\nContent-Length: 0\r\n\r\n",
        ),
        ("redirects to what is no", b"HTTP/1.1 302 F\r\nLocation: http://lists.example/\r\nContent-Length: 0\r\n\r\n"),
        ("redirects to what is no", b"HTTP/1.1 302 F\r\nLocation: //evil.example/\r\nContent-Length: 0\r\n\r\n"),
        ("redirects more than 3 times", b"HTTP/1.1 301 M\r\nLocation: /ads\r\nContent-Length: 0\r\n\r\n"),
    ],
)
def test_what_is_no_list_does_not_come(why: str, answer: bytes, server: Server) -> None:
    assert server.refused(answer).startswith(why)


@pytest.mark.parametrize(
    "beginning", [WHOLE[:-5], b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nads.e\r\n"]
)
def test_a_list_that_breaks_off_does_not_come(beginning: bytes, server: Server) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.sendall(beginning)

    server.origin.serve = serve
    assert server.why().startswith(("sent no whole answer", "broke off"))


def test_a_redirect_on_the_same_server_is_followed(server: Server) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        asked = read_request(connection, visit)
        moved = b"HTTP/1.1 302 F\r\nLocation: /there\r\nContent-Length: 0\r\n\r\n"
        connection.sendall(moved if b"GET /ads " in asked else WHOLE)

    server.origin.serve = serve
    assert server.fetch() == Fetched(LIST, TOLD)


@pytest.mark.parametrize(("why", "deadline", "silence"), [("took longer", 0.3, 5.0), ("was silent", 5.0, 0.3)])
def test_nobody_is_waited_for_for_ever(why: str, deadline: float, silence: float, server: Server) -> None:
    server.origin.serve = _endless if deadline < silence else _silent
    server.fetcher = replace(server.fetcher, deadline=deadline, silence=silence, largest=10**6)
    assert server.why().startswith(why)


def _silent(connection: socket.socket, visit: Visit) -> None:
    read_request(connection, visit)
    connection.sendall(WHOLE[:-5])
    connection.recv(1)


def _endless(connection: socket.socket, visit: Visit) -> None:
    """Slowly, and without an end."""
    read_request(connection, visit)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n")
    while not visit.closed.wait(0.02):
        connection.sendall(b"x")


def test_a_server_that_nobody_vouches_for_is_not_believed(server: Server) -> None:
    server.context = ssl.create_default_context()

    assert server.why().startswith("is not trusted: ")
    assert server.origin.received == b""


def test_a_server_with_another_name_is_not_believed(server: Server) -> None:
    assert server.why("other.example").startswith("is not trusted: ")


def test_a_server_that_is_not_there_is_told(server: Server) -> None:
    server.origin.port = free_port()

    assert server.why() == "cannot be reached: connection refused"
