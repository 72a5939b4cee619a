"""Trailers in every direction: those that may pass do, from HTTP/1 and HTTP/2 to both, and no others."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.protected import DIRECTIONS, HOST, Protected, Said, Version, protected, read_answer
from tests.e2e.wire import Closed, get

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.protected import Fields

pytestmark = pytest.mark.e2e

POLICY: Final = "headers: [{id: quiet, request: {remove: [X-Secret-*]}, response: {remove: [X-Inside-*]}}]"
WANTED: Final = ("TE", "trailers")
SUM: Final = ("x-sum", "1")

NEVER: Final = (
    ("Content-Length", "9"),
    ("Transfer-Encoding", "chunked"),
    ("Host", "evil.example"),
    ("Connection", "close"),
    ("Trailer", "x-sum"),
    ("Content-Type", "text/evil"),
    ("Content-Encoding", "gzip"),
    ("Content-Range", "bytes 0-1/2"),
    ("Authorization", "Basic x"),
    ("Proxy-Authorization", "Basic x"),
    ("WWW-Authenticate", "Basic"),
    ("Cookie", "a=b"),
    ("Set-Cookie", "a=b"),
    ("Location", "/evil"),
    ("Cache-Control", "public"),
    ("Expect", "100-continue"),
    ("TE", "trailers"),
    ("Max-Forwards", "1"),
    ("X-Forwarded-For", "10.0.0.1"),
    ("Forwarded", "for=10.0.0.1"),
    ("X-Real-IP", "10.0.0.1"),
    ("Client-Cert", ":AAAA:"),
    ("Wicketgate-Decision", "forged"),
    ("Proxy-Status", "forged"),
)
"""What has no place behind a message: framing, routing, authentication, cookies, modifiers, and our own."""

_NOT_IN_HTTP2: Final = {"Transfer-Encoding", "Connection"}
"""These make a message of HTTP/2 malformed as a whole."""


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Version, Protected]]:
    with ExitStack() as stack:
        yield {
            version: stack.enter_context(protected(tmp_path_factory.mktemp(version), version, policy=POLICY))
            for version in ("h1", "h2")
        }


def place(places: dict[Version, Protected], version: Version, *trailers: tuple[str, str]) -> Protected:
    found = places[version]
    found.upstream.says = Said(trailers=trailers)
    found.upstream.heard.clear()
    return found


def passed(places: dict[Version, Protected], client: Version, upstream: Version, fields: Fields) -> tuple[Fields, ...]:
    """What is left of trailers at a server, and at a client."""
    here = place(places, upstream, *fields)

    answer = here.ask(client, WANTED, body="a body", trailers=fields)

    assert (answer.status, answer.body) == (200, b"hello")
    [request] = here.upstream.heard
    return tuple(request.trailers), tuple(answer.trailers)


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_trailers_pass_both_ways(client: Version, upstream: Version, places: dict[Version, Protected]) -> None:
    both = (SUM, ("grpc-status", "0"))

    assert passed(places, client, upstream, both) == (both, both)


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize("field", NEVER, ids=[name for name, _ in NEVER])
def test_what_has_its_place_in_front_of_a_body_does_not_pass_behind_it(
    client: Version, upstream: Version, field: tuple[str, str], places: dict[Version, Protected]
) -> None:
    here = place(places, upstream, *([] if field[0] in _NOT_IN_HTTP2 and upstream == "h2" else [field]), SUM)
    mine = (SUM,) if field[0] in _NOT_IN_HTTP2 and client == "h2" else (field, SUM)

    answer = here.ask(client, WANTED, body="a body", trailers=mine)

    [request] = here.upstream.heard
    assert (tuple(request.trailers), tuple(answer.trailers)) == ((SUM,), (SUM,))


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_what_is_hidden_in_a_head_is_hidden_behind_the_body(
    client: Version, upstream: Version, places: dict[Version, Protected]
) -> None:
    fields = (("X-Secret-A", "1"), ("X-Inside-B", "2"), ("Server", "brass"), ("X-Powered-By", "brass"))

    up, down = passed(places, client, upstream, fields)

    assert [name for name, _ in up] == ["x-inside-b", "server", "x-powered-by"]
    assert [name for name, _ in down] == ["x-secret-a"]


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize(
    "fields",
    [[("x-a", "b")] * 101, [(f"x-{number}", "v" * 5_000) for number in range(4)]],
    ids=["too many", "too large"],
)
def test_of_more_than_anybody_needs_none_passes(
    client: Version, upstream: Version, fields: Fields, places: dict[Version, Protected]
) -> None:
    assert passed(places, client, upstream, fields) == ((), ())


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_a_client_of_http_1_that_does_not_ask_for_trailers_gets_none(
    upstream: Version, places: dict[Version, Protected]
) -> None:
    answer = place(places, upstream, SUM).ask("h1")

    assert (answer.status, answer.body, answer.trailers) == (200, b"hello", ())


@pytest.mark.parametrize("upstream", ["h1", "h2"])
@pytest.mark.parametrize("wish", [("TE", "trailers"), ("te", "gzip, Trailers"), None])
def test_an_origin_is_told_that_trailers_are_wanted_if_the_client_said_so(
    upstream: Version, wish: tuple[str, str] | None, places: dict[Version, Protected]
) -> None:
    here = place(places, upstream, SUM)

    here.ask("h1", *([] if wish is None else [wish, ("Connection", "TE")]))

    [request] = here.upstream.heard
    assert request.get("te") == (None if wish is None else "trailers")
    assert request.get("connection") == ("TE" if wish is not None and upstream == "h1" else None)


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_a_client_of_http_1_0_gets_neither_chunks_nor_trailers(
    upstream: Version, places: dict[Version, Protected]
) -> None:
    here = place(places, upstream, SUM)

    with here.wire() as wire:
        wire.send(f"GET / HTTP/1.0\r\nHost: {HOST}\r\nTE: trailers\r\n\r\n".encode())
        answer = read_answer(wire)

    assert (answer.body, answer.get("transfer-encoding"), answer.get("connection")) == (b"hello", None, "close")


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_a_head_request_is_answered_by_a_head(upstream: Version, places: dict[Version, Protected]) -> None:
    here = place(places, "h1", SUM)
    here.origin.serve = None
    here.origin.answer = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    try:
        with here.wire() as wire:
            for _ in range(2):
                assert wire.ask(get("/", HOST, "TE: trailers", method="HEAD")).status == 200
    finally:
        here.origin.serve = here.upstream.serve


def test_the_connection_goes_on_behind_trailers(places: dict[Version, Protected]) -> None:
    here = place(places, "h1", SUM)
    request = get("/", HOST, "TE: trailers")
    chunked = (
        get("/", HOST, "Transfer-Encoding: chunked", "TE: trailers", method="POST") + b"1\r\nx\r\n0\r\nX-Up: 1\r\n\r\n"
    )

    with here.wire() as wire:
        wire.send(request + chunked + request)
        answers = [read_answer(wire) for _ in range(3)]

    assert [(each.status, tuple(each.trailers)) for each in answers] == [(200, (SUM,))] * 3
    assert [tuple(each.trailers) for each in here.upstream.heard] == [(), (("x-up", "1"),), ()]
    assert len(here.origin.visits[-1:]) == 1


@pytest.mark.parametrize(
    "trailers", [b"X-A: b\nX-B: c\r\n", b"X-A: b\r\n c\r\n", b"X-A : b\r\n", b"X-A\r\n", b": b\r\n"]
)
@pytest.mark.parametrize("client", ["h1", "h2"])
def test_trailers_that_two_would_read_in_two_ways_cut_the_answer(
    client: Version, trailers: bytes, places: dict[Version, Protected]
) -> None:
    here = place(places, "h1")
    here.origin.serve = None
    here.origin.answer = (
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + trailers + b"\r\n"
    )
    try:
        if client == "h2":
            with here.talk() as talk:
                message = talk.whole(
                    talk.head([(":method", "GET"), (":scheme", "https"), (":authority", HOST), (":path", "/")])
                )
            assert (message.whole, message.trailers) == (False, None)
        else:
            with pytest.raises(Closed):
                here.ask("h1", WANTED)
    finally:
        here.origin.serve = here.upstream.serve
