from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.test import tflow

from addons.judging.exchange import judged
from addons.passing.interim import go_on, is_interim, made, passed_on, read, written
from gateway.policy.model import Mode, Reason, refuse
from tests.adapters.scene import ALLOW, PLAIN, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

type Setter = Callable[..., Scene]
type RawFields = tuple[tuple[bytes, bytes], ...]

EDITING = ALLOW + "headers: [{id: quiet, response: {remove: [X-Inside-*], set: {X-Set: ours}}}]\n"
LINK = (b"link", b"</a.css>; rel=preload")


def asked(scene: Scene, version: str = "HTTP/1.1") -> HTTPFlow:
    """A request that was let through."""
    flow = scene.ask(scene.client(), PLAIN)
    flow.request.http_version = version
    return flow


def fields_of(flow: HTTPFlow, *fields: tuple[bytes, bytes], status: int = 103) -> RawFields | None:
    """What is left of an interim answer; None if nothing of it is passed on."""
    answer = passed_on(flow, made(status, fields))
    return None if answer is None else answer.headers.fields


@pytest.mark.parametrize(
    ("wanted", "head"),
    [
        (True, b"HTTP/1.1 103 Early Hints\r\n"),
        (True, b"HTTP/1.0 100 \r\n"),
        (False, b"HTTP/1.1 101 Switching Protocols\r\n"),
        (False, b"HTTP/1.1 200 OK\r\n"),
        (False, b"HTTP/1.1 1"),
        (False, b"HTTP/1.1 1x3 Hints\r\n"),
    ],
)
def test_an_interim_answer_is_known_by_its_status(head: bytes, *, wanted: bool) -> None:
    assert is_interim(head) is wanted


def test_an_interim_answer_is_read_and_written_with_the_usual_words() -> None:
    answer = read(b"HTTP/1.1 102 Whatever\r\nLink: a\r\n\r\n")

    assert answer is not None
    assert (answer.status_code, answer.headers.fields) == (102, ((b"Link", b"a"),))
    assert written(made(102, answer.headers.fields)) == b"HTTP/1.1 102 Processing\r\nLink: a\r\n\r\n"
    assert written(go_on()) == b"HTTP/1.1 100 Continue\r\n\r\n"


@pytest.mark.parametrize("head", [b"HTTP/1.1 103\x00\r\n\r\n", b"HTTP/1.1 103 X\r\nno field\r\n\r\n", b"103\r\n\r\n"])
def test_what_cannot_be_read_is_none(head: bytes) -> None:
    assert read(head) is None


def test_fields_pass_without_those_that_only_an_answer_has(scene: Setter) -> None:
    flow = asked(scene())

    assert fields_of(flow, LINK, (b"Content-Length", b"5"), (b"set-cookie", b"a=b"), (b"Location", b"/")) == (LINK,)


def test_fields_pass_without_those_of_one_hop_and_our_own(scene: Setter) -> None:
    flow = asked(scene())

    assert fields_of(flow, LINK, (b"Connection", b"x-a"), (b"X-A", b"1"), (b"wicketgate-a", b"1")) == (LINK,)


def test_a_policy_that_edits_answers_takes_its_fields_out_and_adds_nothing(scene: Setter) -> None:
    flow = asked(scene(policy=EDITING))

    assert fields_of(flow, LINK, (b"X-Inside-Node", b"db-7"), (b"X-Set", b"theirs")) == (LINK,)


@pytest.mark.parametrize("field", [(b"link", b"a\r\nb: c"), (b"li nk", b"a"), (b"link", b"a\x00")])
def test_a_field_that_two_would_read_in_two_ways_does_not_pass(field: tuple[bytes, bytes], scene: Setter) -> None:
    assert fields_of(asked(scene()), field, LINK) == (LINK,)


def test_of_too_many_fields_none_passes(scene: Setter) -> None:
    assert fields_of(asked(scene()), *[LINK] * 101) == ()


@pytest.mark.parametrize(("version", "status"), [("HTTP/1.0", 103), ("HTTP/1.1", 100)])
def test_nothing_is_said_to_who_knows_none_nor_what_the_gateway_said_itself(
    version: str, status: int, scene: Setter
) -> None:
    assert fields_of(asked(scene(), version), LINK, status=status) is None


def test_nothing_is_said_of_an_exchange_that_is_lost(scene: Setter) -> None:
    flow = asked(scene())
    judged(flow).outcome = refuse(Reason.UPSTREAM_TIMEOUT)

    assert fields_of(flow, LINK) is None


def test_what_nobody_judged_is_not_passed_on() -> None:
    with pytest.raises(LookupError):
        passed_on(tflow.tflow(), made(103))


def test_a_backend_hides_in_it_as_in_an_answer(scene: Setter) -> None:
    on = scene(mode=Mode.REVERSE)
    flow = on.ask(on.client(), "GET / HTTP/1.1\nHost: site.example")
    told = (b"link", b"<http://127.0.0.1:8000/a.css>; rel=preload")

    assert fields_of(flow, told, (b"Server", b"x/1")) == ((b"link", b"<http://site.example/a.css>; rel=preload"),)
