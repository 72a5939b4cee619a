"""Windows of HTTP/2 as backpressure: whoever does not read makes the sender wait, and nothing piles up in between."""

from __future__ import annotations

import threading
from contextlib import suppress
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.h2stage import Stage, staged
from tests.e2e.h2wire import Message, Talk, asking

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

LARGE: Final = 200 * 1024 * 1024
ROOM: Final = 32 * 1024 * 1024
PIECE: Final = bytes(64 * 1024)


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("flow")) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


def _resident() -> int:
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * 4096


def _stands_still(measure: Callable[[], int]) -> int:
    """The value of a measure once it is above zero and no longer grows."""
    seen = [0]

    def still() -> bool:
        seen.append(measure())
        return len(seen) > 40 and seen[-1] == seen[-40] > 0

    until(still, "it never came to rest")
    return seen[-1]


def test_a_client_that_reads_nothing_makes_an_origin_of_http1_wait(stage: Stage) -> None:
    sent = [0]

    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE)
        for _ in range(LARGE // len(PIECE)):
            connection.sendall(PIECE)
            sent[0] += len(PIECE)

    stage.h1.serve = serve
    before = _resident()
    with stage.talk(auto=False) as talk:
        number = talk.head(asking(stage.host(), "/large"))
        talk.until(lambda: len(talk.messages[number].body) == 65_535)
        held = _stands_still(lambda: sent[0])
        other = talk.head(asking(stage.host(), "/refused"))
        talk.until(lambda: talk.messages[other].status == 403)
        grown = _resident() - before

    assert held < ROOM
    assert grown < ROOM


def test_a_client_that_reads_nothing_makes_an_origin_of_http2_wait(stage: Stage) -> None:
    def reply(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [(":status", "200")])
        with suppress(OSError):
            for _ in range(LARGE // len(PIECE)):
                talk.data(number, PIECE)

    stage.h2.reply = reply
    before = _resident()
    with stage.talk(h2=True, auto=False) as talk:
        number = talk.head(asking(stage.host(h2=True), "/large"))
        talk.until(lambda: len(talk.messages[number].body) == 65_535)
        (origin,) = stage.h2.talks
        _stands_still(lambda: 2**31 - origin.h2.streams[1].outbound_flow_control_window)
        grown = _resident() - before
        talk.h2.reset_stream(number)
        talk.flush()

    assert grown < ROOM


@pytest.mark.parametrize("h2", [False, True], ids=["h1-origin", "h2-origin"])
def test_an_origin_that_reads_nothing_makes_the_client_wait_and_only_on_that_stream(stage: Stage, *, h2: bool) -> None:
    done = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        head = connection.recv(10)
        if b"/other" in head:
            connection.recv(65536)
            connection.sendall(origins.HELLO)
            while origins.read_request(connection, visit):
                connection.sendall(origins.HELLO)
        done.wait(PATIENCE)

    def other(talk: Talk, number: int, message: Message) -> None:
        if message.get(":path") == "/other":
            talk.h2.send_headers(number, [(":status", "200")], end_stream=True)
            talk.flush()

    stage.h1.serve, stage.h2.auto, stage.h2.reply = serve, False, other
    with stage.talk(h2=h2) as talk:
        number = talk.head(asking(stage.host(h2=h2), "/up", method="POST"), end=False)
        talk.whole(talk.head(asking(stage.host(h2=h2), "/refused")))
        sent = 0
        for _ in count():
            room = talk.h2.local_flow_control_window(number)
            if room == 0:
                answer = talk.whole(talk.head(asking(stage.host(h2=h2), "/other")))
                if answer.status == 200 and talk.h2.local_flow_control_window(number) == 0:
                    break
                continue
            talk.data(number, bytes(min(room, 16384)))
            sent += min(room, 16384)

    done.set()
    assert 0 < sent < ROOM


def test_a_large_download_and_a_large_upload_pass_whole(stage: Stage) -> None:
    size = 20 * 1024 * 1024

    def reply(talk: Talk, number: int, message: Message) -> None:
        talk.h2.send_headers(number, [(":status", "200"), ("content-length", str(len(message.body)))])
        talk.data(number, bytes(message.body), end=True)

    stage.h2.reply = reply
    body = bytes(range(256)) * (size // 256)
    with stage.talk(h2=True) as talk:
        number = talk.head(asking(stage.host(h2=True), "/up", ("content-length", str(size)), method="POST"), end=False)
        talk.data(number, body, end=True)
        answer = talk.whole(number)

    assert bytes(answer.body) == body
