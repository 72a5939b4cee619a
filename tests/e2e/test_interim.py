"""Interim answers (1xx) on their way to the client, from origins of HTTP/1 and HTTP/2 to clients of both."""

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

POLICY: Final = """
rules: [{id: no-admin, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}]
headers: [{id: quiet, response: {remove: [X-Inside-*]}}]
"""
HINT: Final = (103, (("link", "</a.css>; rel=preload"),))


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Version, Protected]]:
    with ExitStack() as stack:
        yield {
            version: stack.enter_context(protected(tmp_path_factory.mktemp(version), version, policy=POLICY))
            for version in ("h1", "h2")
        }


def place(places: dict[Version, Protected], version: Version, said: Said) -> Protected:
    found = places[version]
    found.upstream.says = said
    found.upstream.heard.clear()
    return found


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ([HINT], [(103, [("Link", "</a.css>; rel=preload")])]),
        ([(102, ()), HINT], [(102, []), (103, [("Link", "</a.css>; rel=preload")])]),
        ([(150, ())], [(150, [])]),
        ([], [(100, [])]),
        ([HINT] * 16, [(103, [("Link", "</a.css>; rel=preload")])] * 16),
    ],
    ids=["early hints", "processing, then hints", "one that nobody knows", "continue is the gateway's", "many"],
)
def test_what_an_origin_says_before_its_answer_comes_before_the_answer(
    client: Version,
    upstream: Version,
    wanted: list[tuple[int, Fields]],
    said: list[tuple[int, Fields]],
    places: dict[Version, Protected],
) -> None:
    answer = place(places, upstream, Said(interim=said)).ask(client)

    assert list(answer.interim) == wanted
    assert (answer.status, answer.body) == (200, b"hello")


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Server", "brass/1.0"),
        ("X-Powered-By", "brass"),
        ("Wicketgate-Decision", "forged"),
        ("Set-Cookie", "a=b"),
        ("Content-Length", "5"),
        ("WWW-Authenticate", "Basic"),
        ("Location", "/elsewhere"),
        ("X-Inside-Node", "db-7"),
        ("Alt-Svc", 'h3=":443"'),
    ],
)
def test_what_may_not_stand_in_an_answer_does_not_stand_before_it(
    client: Version, upstream: Version, name: str, value: str, places: dict[Version, Protected]
) -> None:
    said = Said(interim=[(103, [(name, value), ("Link", "</a.css>; rel=preload")])])

    assert list(place(places, upstream, said).ask(client).interim) == [HINT]


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_a_hint_that_names_the_backend_names_the_gateway(
    client: Version, upstream: Version, places: dict[Version, Protected]
) -> None:
    here = places[upstream]
    link = f"<https://origin.example:{here.origin.port}/a.css>; rel=preload"

    answer = place(places, upstream, Said(interim=[(103, [("Link", link)])])).ask(client)

    assert list(answer.interim) == [(103, (("link", f"<https://{HOST}/a.css>; rel=preload"),))]


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_more_than_anybody_needs_are_no_answer(
    client: Version, upstream: Version, places: dict[Version, Protected]
) -> None:
    answer = place(places, upstream, Said(interim=[(103, [])] * 17)).ask(client)

    assert (answer.status, len(answer.interim), b"upstream-broken" in answer.body) == (502, 16, True)


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_a_client_of_http_1_0_gets_none(upstream: Version, places: dict[Version, Protected]) -> None:
    here = place(places, upstream, Said(interim=[(103, []), (102, [])]))

    with here.wire() as wire:
        wire.send(f"GET / HTTP/1.0\r\nHost: {HOST}\r\n\r\n".encode())
        answer = read_answer(wire)

    assert (answer.status, answer.interim, answer.body) == (200, (), b"hello")


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_who_asks_whether_to_send_its_body_is_told_to_by_the_gateway_and_the_origin_is_not_asked(
    client: Version, upstream: Version, places: dict[Version, Protected]
) -> None:
    here = place(places, upstream, Said(interim=[(100, []), (103, [])]))

    answer = here.ask(client, ("Expect", "100-continue"), body="a body")

    assert ([each for each, _ in answer.interim], answer.status) == ([100, 103], 200)
    [request] = here.upstream.heard
    assert (request.get("expect"), b"a body" in request.body) == (None, True)


def test_nobody_has_to_send_a_body_before_being_told_to(places: dict[Version, Protected]) -> None:
    here = place(places, "h1", Said())

    with here.wire() as wire:
        wire.send(get("/", HOST, "Content-Length: 6", "Expect: 100-continue", method="PUT"))
        assert wire.interim() == 100
        wire.send(b"a body")
        assert wire.answer().status == 200


@pytest.mark.parametrize(
    ("status", "request_"),
    [
        (403, get("/refused", HOST, "Content-Length: 6", "Expect: 100-continue", method="PUT")),
        (417, get("/", HOST, "Content-Length: 6", "Expect: brass", method="PUT")),
        (417, get("/", HOST, "Expect: 100-continue, brass")),
    ],
)
def test_a_refusal_comes_at_once_and_no_body_is_waited_for(
    status: int, request_: bytes, places: dict[Version, Protected]
) -> None:
    here = place(places, "h1", Said())

    with here.wire() as wire:
        wire.send(request_)
        answer = read_answer(wire)

    assert (answer.status, answer.interim) == (status, ())
    assert here.upstream.heard == []


def test_an_expectation_of_http_1_0_is_not_seen(places: dict[Version, Protected]) -> None:
    """A server must ignore it (RFC 9110 section 10.1.1)."""
    here = place(places, "h1", Said())

    with here.wire() as wire:
        wire.send(f"PUT / HTTP/1.0\r\nHost: {HOST}\r\nExpect: 100-continue\r\nContent-Length: 1\r\n\r\nx".encode())
        answer = read_answer(wire)

    assert (answer.status, answer.interim) == (200, ())


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 103 Early\x00Hints\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: a\rb\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nno field\r\n\r\n",
        b"HTTP/1.1 103 Early Hints\r\nLink: " + b"a" * 70_000 + b"\r\n\r\n",
    ],
    ids=["a NUL", "a lone CR", "no field", "too large"],
)
def test_an_interim_answer_that_cannot_be_read_is_no_answer_at_all(
    head: bytes, places: dict[Version, Protected]
) -> None:
    here = place(places, "h1", Said())
    here.origin.serve = None
    here.origin.answer = head + b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
    try:
        answer = here.ask("h1")
    finally:
        here.origin.serve = here.upstream.serve

    assert (answer.status, answer.interim, b"upstream-broken" in answer.body) == (502, (), True)


def test_an_interim_answer_that_would_be_two_lines_loses_that_field(places: dict[Version, Protected]) -> None:
    here = place(places, "h2", Said(interim=[(103, [("link", "a\r\nset-cookie: b")])]))

    answer = here.ask("h1")

    assert (answer.status, answer.interim) == (502, ())


def test_what_was_said_before_a_broken_answer_is_followed_by_a_502(places: dict[Version, Protected]) -> None:
    here = place(places, "h1", Said())
    here.origin.serve = None
    here.origin.answer = b"HTTP/1.1 103 Early Hints\r\n\r\nrubbish\r\n\r\n"
    try:
        answer = here.ask("h1", ("Expect", "100-continue"), body="a body")
    finally:
        here.origin.serve = here.upstream.serve

    assert ([each for each, _ in answer.interim], answer.status) == ([100, 103], 502)


def test_a_client_that_leaves_between_the_two_is_no_harm(places: dict[Version, Protected]) -> None:
    here = place(places, "h1", Said(interim=[(103, [])]))
    with here.wire() as wire:
        wire.send(get("/", HOST))
        assert wire.interim() == 103

    with here.wire() as wire:
        wire.send(get("/", HOST, "Connection: close"))
        assert read_answer(wire).status == 200
        with pytest.raises(Closed):
            wire.take(1)
