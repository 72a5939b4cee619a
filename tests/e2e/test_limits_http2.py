"""The same limits over HTTP/2: every stream has its own, and whoever is slow on one ends that one alone."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes
from hyperframe.frame import PingFrame

from addons.connections.bounds import Bounds
from tests.e2e.commands import PATIENCE, until
from tests.e2e.h2stage import Stage, staged
from tests.e2e.h2wire import asking
from tests.e2e.slow import EVERY, IMPATIENT, stalls_after, swallow

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.e2e.h2wire import Message, Talk
    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

ORIGINS = pytest.mark.parametrize("h2", [False, True], ids=["h1-origin", "h2-origin"])


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("limits-h2"), bounds=Bounds.of(IMPATIENT)) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


def _silent(_talk: Talk, _number: int, _message: Message) -> None:
    """An origin of HTTP/2 that says nothing."""


def _reason_of(stage: Stage, start: int) -> object:
    """Why the first exchange ended that has begun since."""

    def ends() -> list[object]:
        return [each["reason"] for each in stage.gateway.records()[start:] if each["event"] == "end" and each["reason"]]

    until(lambda: bool(ends()), "no end was recorded with a reason")
    return ends()[0]


def _meanwhile(talk: Talk, act: Callable[[], None], *, over: Callable[[], bool]) -> None:
    """Hear what is said, and act whenever nothing is, until something is over."""
    talk.socket.settimeout(EVERY)
    while not over() and not talk.closed:
        try:
            talk.more()
        except TimeoutError:
            act()
    talk.socket.settimeout(PATIENCE)


@ORIGINS
@pytest.mark.parametrize("drips", [False, True], ids=["stops", "drips"])
def test_a_body_that_does_not_come_ends_its_stream_and_no_other(stage: Stage, *, h2: bool, drips: bool) -> None:
    stage.h1.serve = swallow
    start = stage.settled()
    with stage.talk(h2=h2) as talk:
        number = talk.head(asking(stage.host(h2=h2), "/up", ("content-length", "30000"), method="POST"), end=False)
        talk.data(number, b"0123456789")
        if drips:
            _meanwhile(talk, lambda: talk.data(number, b"x"), over=lambda: talk.messages[number].is_over)
        late = talk.whole(number)
        talk.until(lambda: talk.messages[number].reset is not None)
        after = talk.whole(talk.head(asking(stage.host(h2=h2), "/refused")))

    assert (late.status, json.loads(late.body)["reason"]) == (408, "body-timeout")
    assert late.reset == ErrorCodes.NO_ERROR
    assert (_reason_of(stage, start), after.status, talk.goaway) == ("body-timeout", 403, None)
    if h2:
        (asked,) = stage.h2.messages
        until(lambda: asked.reset is not None, "the origin was left waiting")
        forwarded, is_whole = bytes(asked.body), asked.whole
    else:
        (visit,) = stage.h1.visits
        until(visit.closed.is_set, "the origin was left waiting")
        forwarded, is_whole = bytes(visit.data).partition(b"\r\n\r\n")[2], False
    assert forwarded == b"0123456789" + b"x" * (len(forwarded) - 10)
    assert (is_whole, len(forwarded) < 2000, (len(forwarded) > 10) is drips) == (False, True, True)


@ORIGINS
def test_an_answer_that_does_not_begin_is_given_by_the_gateway(stage: Stage, *, h2: bool) -> None:
    stage.h1.serve, stage.h2.reply = swallow, _silent
    with stage.talk(h2=h2) as talk:
        late = talk.whole(talk.head(asking(stage.host(h2=h2))))

    assert (late.status, json.loads(late.body)["reason"]) == (504, "upstream-timeout")


@ORIGINS
@pytest.mark.parametrize("length", [True, False], ids=["stated", "open"])
def test_an_answer_that_stalls_is_broken_and_never_whole(stage: Stage, *, h2: bool, length: bool) -> None:
    def begins(talk: Talk, number: int, _message: Message) -> None:
        fields = [("content-length", "20")] if length else []
        talk.h2.send_headers(number, [(":status", "200"), *fields])
        talk.data(number, b"0123456789")

    head = b"HTTP/1.1 200 OK\r\n" + (b"Content-Length: 20\r\n" if length else b"") + b"\r\n"
    stage.h1.serve, stage.h2.reply = stalls_after(head, b"0123456789"), begins
    start = stage.settled()
    with stage.talk(h2=h2) as talk:
        cut = talk.whole(talk.head(asking(stage.host(h2=h2))))
        after = talk.whole(talk.head(asking(stage.host(h2=h2), "/refused")))

    assert (cut.status, bytes(cut.body), cut.whole) == (200, b"0123456789", False)
    assert cut.reset not in {None, ErrorCodes.NO_ERROR}
    assert (_reason_of(stage, start), after.status) == ("upstream-timeout", 403)


@ORIGINS
def test_a_client_that_opens_no_window_for_its_answer_loses_it(stage: Stage, *, h2: bool) -> None:
    def pours(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [(":status", "200")])
        talk.data(number, bytes(1_000_000))

    stage.h1.answer = b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n" + bytes(1_000_000)
    stage.h2.reply = pours
    start = stage.settled()
    with stage.talk(h2=h2, auto=False) as talk:
        number = talk.head(asking(stage.host(h2=h2)))
        cut = talk.whole(number)

    assert (cut.status, cut.whole, len(cut.body)) == (200, False, 65_535)
    assert cut.reset not in {None, ErrorCodes.NO_ERROR}
    assert _reason_of(stage, start) == "client-timeout"


@pytest.mark.parametrize("pings", [False, True], ids=["silent", "pings"])
def test_a_client_that_asks_nothing_is_told_goodbye_however_often_it_pings(stage: Stage, *, pings: bool) -> None:
    start = stage.settled()
    with stage.talk() as talk:
        ping = PingFrame(0, b"12345678")
        _meanwhile(talk, lambda: talk.raw(ping) if pings else None, over=lambda: talk.goaway is not None)
        talk.to_the_end()

    assert talk.goaway == (0, ErrorCodes.NO_ERROR)
    assert stage.h1.visits == []
    assert [each for each in stage.gateway.records()[start:] if each["event"] == "end" and each["reason"]] == []


def test_a_client_may_be_silent_while_its_answer_comes(stage: Stage) -> None:
    """As in a call of gRPC whose answer is a stream: nobody waits for the client then."""
    pieces = [b"x" * 10] * 60

    def serve(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
        connection.settimeout(EVERY)
        for piece in pieces:
            connection.sendall(b"a\r\n" + piece + b"\r\n")
            with suppress(TimeoutError):
                visit.data += connection.recv(65536)
        connection.sendall(b"0\r\n\r\n")

    stage.h1.serve = serve
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", method="POST"), end=False)
        answer = talk.whole(number)

    assert (answer.status, answer.whole) == (200, True)
    assert bytes(answer.body) == b"".join(pieces)


def test_an_origin_that_takes_no_more_of_a_body_is_blamed_and_not_the_client(stage: Stage) -> None:
    start = stage.settled()

    def refuses_to_read(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(10)
        visit.closed.wait(PATIENCE)

    stage.h1.serve = refuses_to_read
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/up", method="POST"), end=False)
        _meanwhile(talk, lambda: _pour(talk, number), over=lambda: talk.messages[number].is_over)
        late = talk.messages[number]
    stage.h1.visits[0].closed.set()

    assert (late.status, json.loads(late.body)["reason"]) == (504, "upstream-timeout")
    assert _reason_of(stage, start) == "upstream-timeout"


def _pour(talk: Talk, number: int) -> None:
    """Send as much of a body as the window allows now."""
    if not talk.messages[number].is_over:
        room = talk.h2.local_flow_control_window(number)
        if room:
            talk.data(number, bytes(room))
