"""Messages that two readers would read in two ways: the gateway is the first of the two, and reads none of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.shipped import shipped_policy
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

POLICY: Final = shipped_policy("api").read_text("utf-8")
HOST: Final = "shop.example"


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin) -> Iterator[Gateway]:
    upstreams = [f"http://127.0.0.1:{origin.port}"]
    with gateway(tmp_path_factory.mktemp("smuggling"), reverse=POLICY, upstreams=upstreams) as running:
        yield running


POST: Final = "POST / HTTP/1.1\r\nHost: a\r\n"
SMUGGLED: Final = {
    "a length and chunks": POST + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunks and a length": POST + "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "two lengths": POST + "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde",
    "two equal lengths": POST + "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc",
    "a list of lengths": POST + "Content-Length: 3, 3\r\n\r\nabc",
    "a signed length": POST + "Content-Length: +3\r\n\r\nabc",
    "a length in hex": POST + "Content-Length: 0x3\r\n\r\nabc",
    "a length with an underscore": POST + "Content-Length: 1_0\r\n\r\nabcdefghij",
    "an unknown coding": POST + "Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": POST + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "chunked twice": POST + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "a coding behind a vertical tab": POST + "Transfer-Encoding:\x0bchunked\r\n\r\n0\r\n\r\n",
    "a length behind a vertical tab": POST + "Content-Length:\x0b3\r\n\r\nabc",
    "a host before a form feed": "GET / HTTP/1.1\r\nHost: a\x0c\r\n\r\n",
    "a space before the colon": POST + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
    "a space before a name": "GET / HTTP/1.1\r\n Host: a\r\n\r\n",
    "a folded line": "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n",
    "a folded coding": POST + "Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
    "a lone CR in a value": "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\rX-C: d\r\n\r\n",
    "a lone CR at the end of a line": "GET / HTTP/1.1\r\nHost: a\rX-A: b\r\n\r\n",
    "a NUL in a value": "GET / HTTP/1.1\r\nHost: a\r\nX-A: b\x00c\r\n\r\n",
    "a NUL in a name": "GET / HTTP/1.1\r\nHost: a\r\nX\x00A: b\r\n\r\n",
    "an escape in a value": "GET / HTTP/1.1\r\nHost: a\r\nX-A: \x1b[2J\r\n\r\n",
    "no colon": "GET / HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n",
    "an empty name": "GET / HTTP/1.1\r\nHost: a\r\n: b\r\n\r\n",
    "two hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "two equal hosts": "GET / HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
    "no host": "GET / HTTP/1.1\r\n\r\n",
    "an empty host": "GET / HTTP/1.1\r\nHost:\r\n\r\n",
    "a host with a path": "GET / HTTP/1.1\r\nHost: a/admin\r\n\r\n",
    "a host with a user": "GET / HTTP/1.1\r\nHost: b@a\r\n\r\n",
    "an absolute target with another host": "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an absolute target of another scheme": "GET https://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "an unknown version": "GET / HTTP/9.9\r\nHost: a\r\n\r\n",
    "an old version": "GET / HTTP/0.9\r\nHost: a\r\n\r\n",
    "no version": "GET /\r\n\r\n",
    "a version in small letters": "GET / http/1.1\r\nHost: a\r\n\r\n",
    "two spaces": "GET  / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a tab for a space": "GET\t/ HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method in small letters": "get / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a method that is none": "G@T / HTTP/1.1\r\nHost: a\r\n\r\n",
    "a fragment": "GET /#x HTTP/1.1\r\nHost: a\r\n\r\n",
    "a target without a slash": "GET admin HTTP/1.1\r\nHost: a\r\n\r\n",
    "a star for a page": "GET * HTTP/1.1\r\nHost: a\r\n\r\n",
    "two authorizations": "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: x\r\nAuthorization: y\r\n\r\n",
    "a tunnel": "CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n",
    "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "an expectation of more": "GET / HTTP/1.1\r\nHost: a\r\nExpect: 200-ok\r\n\r\n",
    "noise": "\x16\x03\x01\x02\x00\x01\r\n\r\n",
}


@pytest.mark.parametrize("shape", list(SMUGGLED))
def test_a_message_that_two_readers_may_read_in_two_ways_never_gets_to_the_second(
    shape: str, guard: Gateway, origin: RecordingOrigin
) -> None:
    origin.forget()
    behind = "GET /behind HTTP/1.1\r\nHost: a\r\n\r\n"
    with guard.front() as wire:
        wire.send((SMUGGLED[shape] + behind).encode("latin-1"))
        answer = wire.answer()
        after = wire.rest()

    assert 400 <= answer.status < 500, answer
    assert guard.decision(answer)["verdict"] == "deny"
    assert (after, origin.received) == (b"", b"")


def test_chunks_that_are_none_are_an_end_and_not_a_second_request(guard: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    for bad in (
        b"x\r\nabc\r\n0\r\n\r\n",
        b"-1\r\n\r\n",
        b"3 \x00\r\nabc\r\n0\r\n\r\n",
        b"0x3\r\nabc\r\n0\r\n\r\n",
    ):
        with guard.front() as wire:
            wire.send(get("/items", HOST, "Transfer-Encoding: chunked", method="POST") + bad)
            wire.send(get("/behind", HOST))
            wire.rest()

    assert origin.requests == []
    assert b"/behind" not in origin.received


@pytest.mark.parametrize(
    ("wanted", "request_"),
    [
        ((431, "head-too-large"), get("/", HOST, "X-Long: " + "a" * 40_000)),
        ((431, "head-too-large"), get("/", HOST, *(f"X-{number}: a" for number in range(120)))),
        ((414, "target-too-long"), get("/" + "a" * 9_000, HOST)),
    ],
    ids=["bytes", "fields", "target"],
)
def test_a_head_has_bounds(wanted: tuple[int, str], request_: bytes, guard: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()

    assert guard.refusal(request_, reverse=True)[:2] == wanted
    assert origin.received == b""


def test_a_trace_is_refused_and_what_follows_it_is_judged_by_itself(guard: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    with guard.front() as wire:
        trace, behind = wire.ask_all([get("/", HOST, method="TRACE"), get("/admin", HOST)])

    assert (guard.decision(trace)["reason"], trace.status) == ("protocol-refused", 405)
    assert (guard.decision(behind)["rule"], behind.status) == ("no-admin", 403)
    assert origin.received == b""
