"""A server that closes a kept connection under a request, and is the only one there is: nobody notices."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from h2.errors import ErrorCodes

from tests.e2e.h2wire import H2Origin, asking
from tests.e2e.origin import HELLO, Visit, read_request
from tests.e2e.protected import HOST, Protected, Version, protected
from tests.e2e.wire import get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.h2wire import Message, Talk

pytestmark = pytest.mark.e2e

SMALL: Final = b"a little body"
LARGE: Final = b"x" * 200_000


class Closing:
    """An origin that answers `most` requests on a connection, and closes it under the next one."""

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked = 0

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        for _ in range(self.most):
            if not read_request(connection, visit):
                return
            self.asked += 1
            connection.sendall(HELLO)
        if read_request(connection, visit):
            self.asked += 1


class Leaving(Closing):
    """One that closes right behind the last answer, so that the next request may cross the end of the connection."""

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        for _ in range(self.most):
            if not read_request(connection, visit):
                return
            self.asked += 1
            connection.sendall(HELLO)


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(tmp_path_factory.mktemp("stale"), is_secure=False) as found:
        yield found


def behind(here: Protected, closing: Closing) -> Closing:
    here.origin.serve = closing.serve
    here.origin.visits.clear()
    return closing


@pytest.mark.parametrize("most", [1, 2, 3, 7])
@pytest.mark.parametrize("kind", [Closing, Leaving])
@pytest.mark.parametrize("version", ["h1", "h2"])
def test_no_request_fails_at_a_server_that_closes_after_every_few(
    version: Version, kind: type[Closing], most: int, here: Protected
) -> None:
    behind(here, kind(most))

    if version == "h1":
        with here.wire() as wire:
            statuses = [wire.ask(get("/", HOST)).status for _ in range(40)]
    else:
        with here.talk() as talk:
            statuses = [talk.whole(talk.head(asking(HOST))).status for _ in range(40)]

    assert statuses == [200] * 40


@pytest.mark.parametrize("method", ["GET", "HEAD", "OPTIONS", "DELETE"])
def test_what_may_be_done_twice_is_asked_once_more(method: str, here: Protected) -> None:
    origin = behind(here, Closing(1))

    with here.wire() as wire:
        answers = [wire.ask(get("/", HOST, method=each)).status for each in ("GET", method)]

    assert (answers, origin.asked, len(here.origin.visits)) == ([200, 200], 3, 2)
    assert here.origin.received.count(f"{method} / HTTP/1.1".encode()) == (3 if method == "GET" else 2)


@pytest.mark.parametrize("version", ["h1", "h2"])
def test_a_put_is_sent_again_with_its_body_and_trailers(version: Version, here: Protected) -> None:
    behind(here, Closing(1))

    if version == "h1":
        with here.wire() as wire:
            assert wire.ask(get("/", HOST)).status == 200
            wire.send(get("/", HOST, "Transfer-Encoding: chunked", method="PUT"))
            wire.send(b"d\r\n" + SMALL + b"\r\n0\r\nX-Up: 1\r\n\r\n")
            assert wire.answer().status == 200
    else:
        with here.talk() as talk:
            assert talk.whole(talk.head(asking(HOST))).status == 200
            number = talk.head(asking(HOST, method="PUT"), end=False)
            talk.data(number, SMALL)
            talk.h2.send_headers(number, [("x-up", "1")], end_stream=True)
            talk.flush()
            assert talk.whole(number).status == 200

    [first, second] = [bytes(each.data).partition(b"PUT / ")[2] for each in here.origin.visits]
    assert first == second
    assert second.endswith(b"\r\nd\r\n" + SMALL + b"\r\n0\r\nx-up: 1\r\n\r\n")


@pytest.mark.parametrize(("method", "body"), [("POST", SMALL), ("PATCH", SMALL), ("POST", b""), ("PUT", LARGE)])
def test_what_may_have_been_done_or_is_not_kept_is_not_sent_again(method: str, body: bytes, here: Protected) -> None:
    behind(here, Closing(1))

    with here.wire() as wire:
        assert wire.ask(get("/", HOST)).status == 200
        length = () if body else ("Content-Length: 0",)
        refused = wire.ask(get("/", HOST, *length, method=method, body=body))

    assert refused.verdict[:2] == (502, "upstream-broken")
    assert here.origin.received.count(f"{method} / HTTP/1.1".encode()) == 1


def test_a_fresh_connection_that_is_closed_is_no_stale_one(here: Protected) -> None:
    origin = behind(here, Closing(0))

    with here.wire() as wire:
        refused = wire.ask(get("/", HOST))

    assert refused.verdict[:2] == (502, "upstream-broken")
    assert origin.asked == 1


def test_a_stale_connection_is_followed_by_one_fresh_one_and_no_more(here: Protected) -> None:
    origin = behind(here, Closing(1))

    with here.wire() as wire:
        assert wire.ask(get("/", HOST)).status == 200
        origin.most = 0
        refused = wire.ask(get("/", HOST))

    assert refused.verdict[:2] == (502, "upstream-broken")
    assert origin.asked == 3


def test_the_decision_and_its_record_stay_the_same(tmp_path: Path) -> None:
    with protected(tmp_path, is_secure=False) as here:
        behind(here, Closing(1))
        with here.wire() as wire:
            assert [wire.ask(get("/", HOST)).status for _ in range(4)] == [200] * 4

    assert [each[0] for each in here.gateway.exchanges()].count("allow") == 4
    assert [each for each in here.gateway.exchanges() if each[0] == "end"] == [("end", 200)] * 4


@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_upstream_of_http_2_that_closes_its_connection_is_asked_again(method: str, tmp_path: Path) -> None:
    asked: list[bytes] = []

    def reply(talk: Talk, number: int, message: Message) -> None:
        asked.append(bytes(message.body))
        if number > 1:
            talk.socket.close()
            talk.closed = True
            return
        talk.h2.send_headers(number, [(":status", "200"), ("content-length", "0")], end_stream=True)

    with protected(tmp_path, "h2", serve=H2Origin(reply=reply).serve) as here, here.wire() as wire:
        body = SMALL if method == "PUT" else b""
        statuses = [wire.ask(get("/", HOST, method=method, body=body)).status for _ in range(3)]

    assert statuses == [200] * 3
    assert asked == [body] * 5


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("way", ["goaway", "refused"])
def test_what_an_upstream_of_http_2_never_looked_at_is_sent_again_whatever_it_is(
    method: str, way: str, tmp_path: Path
) -> None:
    asked: list[bytes] = []

    def reply(talk: Talk, number: int, message: Message) -> None:
        asked.append(bytes(message.body))
        if number > 1 and way == "goaway":
            talk.leave(1)
        elif number > 1:
            talk.h2.reset_stream(number, ErrorCodes.REFUSED_STREAM)
        else:
            talk.h2.send_headers(number, [(":status", "200"), ("content-length", "0")], end_stream=True)

    body = b"" if method == "GET" else SMALL
    with protected(tmp_path, "h2", serve=H2Origin(reply=reply).serve) as here, here.wire() as wire:
        statuses = [wire.ask(get("/", HOST, method=method, body=body)).status for _ in range(2)]

    assert statuses == [200] * 2
    assert asked == [body] * 3
