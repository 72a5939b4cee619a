"""Every limit of the gateway, over a raw socket: what the client is told, what the log says, what the origin saw."""

from __future__ import annotations

import socket
import struct
import threading
from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from tests.adapters.streams.test_websockets import ACCEPT, ASK
from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.slow import (
    IMPATIENT,
    Slow,
    bytewise,
    deaf,
    drips,
    sends,
    slowly,
    stalls_after,
    swallow,
    to_the_end,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.origin import Visit
    from tests.e2e.slow import Act

    type Doing = Callable[[Slow, str], Act]

pytestmark = pytest.mark.e2e

BOTH: Final = ("reverse", "forward")
RAW: Final = "rules:\n  - {id: raw, action: allow, reason: raw, when: {protocol: [tcp]}}\n"
TEN: Final = b"0123456789"
ALLOWED: Final = "allowed-by-default"
CHUNKED: Final = "Transfer-Encoding: chunked"


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Slow]:
    with slowly(tmp_path_factory.mktemp("limits"), policy=RAW) as slow:
        yield slow


@pytest.fixture
def slow(standing: Slow) -> Iterator[Slow]:
    yield standing.fresh()
    assert standing.failures == []


HEADS: list[tuple[str, int, str, Doing]] = [
    ("drips", 408, "head-timeout", lambda slow, mode: drips(b"", bytewise(slow.head(mode, "X: " + "a" * 900)))),
    ("stops", 408, "head-timeout", lambda slow, mode: sends(slow.head(mode)[:-2])),
    ("one byte", 408, "head-timeout", lambda _slow, _mode: sends(b"G")),
    ("is large", 431, "head-too-large", lambda slow, mode: sends(slow.head(mode, "X: " + "a" * 4096))),
    ("has no end", 431, "head-too-large", lambda _slow, _mode: sends(b"GET /" + b"a" * 5000)),
    ("many fields", 431, "head-too-large", lambda slow, mode: sends(slow.head(mode, *["X: y"] * 21))),
    ("long target", 414, "target-too-long", lambda slow, mode: sends(slow.head(mode, path="/" + "a" * 1024))),
]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(("status", "reason", "doing"), [each[1:] for each in HEADS], ids=[each[0] for each in HEADS])
def test_a_head_is_bounded_in_size_and_time(mode: str, status: int, reason: str, doing: Doing, slow: Slow) -> None:
    told = slow.told(mode, doing(slow, mode))

    assert told.words == (status, reason, None)
    assert slow.origin.visits == []


def _post(slow: Slow, mode: str, *fields: str) -> bytes:
    return slow.head(mode, *fields, method="POST")


def _chunks(data: bytes) -> Doing:
    return lambda slow, mode: sends(_post(slow, mode, CHUNKED) + data)


CHUNK: Final = b"a\r\n" + TEN + b"\r\n"
BODIES: list[tuple[str, bytes, Doing]] = [
    ("none came", b"", lambda slow, mode: sends(_post(slow, mode, "Content-Length: 100"))),
    ("stops", TEN, lambda slow, mode: sends(_post(slow, mode, "Content-Length: 100") + TEN)),
    ("stops in a chunk", CHUNK, _chunks(b"14\r\n" + TEN)),
    ("stops between chunks", CHUNK, _chunks(CHUNK)),
    ("stops before its trailers", CHUNK, _chunks(CHUNK + b"0\r\n")),
    ("drips extensions", b"", lambda slow, mode: drips(_post(slow, mode, CHUNKED) + b"a;x=", [b"y"] * 2000)),
    ("was expected", b"", lambda slow, mode: sends(_post(slow, mode, "Content-Length: 100", "Expect: 100-continue"))),
]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(("seen", "doing"), [each[1:] for each in BODIES], ids=[each[0] for each in BODIES])
def test_a_body_that_does_not_come_is_not_waited_for(mode: str, seen: bytes, doing: Doing, slow: Slow) -> None:
    slow.origin.serve = swallow
    told = slow.told(mode, doing(slow, mode))
    heard = told.heard
    if heard.startswith(b"HTTP/1.1 100 "):
        heard = heard.partition(b"\r\n\r\n")[2]

    assert (origins.status_of(heard), told.decided, told.ended) == (408, ALLOWED, "body-timeout")
    assert b"\r\nConnection: close\r\n" in heard
    assert slow.forwarded() == seen


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("framing", ["Content-Length: 40000", CHUNKED])
def test_a_body_that_drips_is_too_slow_though_it_never_stops(mode: str, framing: str, slow: Slow) -> None:
    slow.origin.serve = swallow
    piece = b"1\r\nx\r\n" if framing == CHUNKED else b"x"
    told = slow.told(mode, drips(_post(slow, mode, framing), [piece] * 10_000))

    assert told.words == (408, ALLOWED, "body-timeout")
    forwarded = slow.forwarded()
    assert set(forwarded) <= set(b"1x\r\n")
    assert 5 < forwarded.count(b"x") < 2000


def test_a_body_that_comes_fast_enough_may_take_longer_than_it_may_be_silent(tmp_path: Path) -> None:
    pieces = [b"x" * 200] * 120
    length = f"Content-Length: {sum(map(len, pieces))}"
    with slowly(tmp_path, replace(IMPATIENT, body_idle=2.0)) as slow:
        told = slow.told("reverse", drips(_post(slow, "reverse", length, "Connection: close"), pieces))

        assert told.words == (200, ALLOWED, None)
        assert slow.forwarded() == b"".join(pieces)


@pytest.mark.parametrize("framing", ["Content-Length: 50001", CHUNKED])
def test_a_body_that_is_too_large_is_refused_or_cut(framing: str, slow: Slow) -> None:
    slow.origin.serve = swallow
    pieces = [b"400\r\n" + b"x" * 1024 + b"\r\n"] * 60 if framing == CHUNKED else [b"x" * 1024] * 60
    told = slow.told("reverse", sends(_post(slow, "reverse", framing), *pieces))

    if framing == CHUNKED:
        assert told.words == (413, ALLOWED, "body-too-large")
        assert slow.forwarded().count(b"x") <= 50_000
        assert b"\r\n0\r\n" not in slow.forwarded()
    else:
        assert told.words == (413, "body-too-large", None)
        assert slow.origin.visits == []


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("first", [False, True])
def test_a_connection_that_asks_nothing_is_closed_whatever_blank_lines_it_sends(
    mode: str, slow: Slow, *, first: bool
) -> None:
    asked = _exchanges(slow)
    with origins.client(slow.port(mode)) as connection:
        if first:
            connection.sendall(slow.head(mode))
            assert origins.status_of(origins.read_answer(connection)) == 200
        drips(b"", [b"\r\n"] * 1000)(connection)

        assert to_the_end(connection) in {b"", b"<reset>"}
    assert _exchanges(slow) == asked + (2 if first else 0)
    assert len(slow.origin.visits) == (1 if first else 0)


OK: Final = b"HTTP/1.1 200 OK\r\n"
ANSWERS: list[tuple[str, int, bytes, tuple[bytes, ...]]] = [
    ("says nothing", 504, b"", ()),
    ("stops in its head", 504, b"", (OK + b"X: ",)),
    ("says interim answers", 504, b"", (b"HTTP/1.1 103 Early Hints\r\n\r\n",)),
    ("stops in its body", 200, TEN, (OK + b"Content-Length: 20\r\n\r\n", TEN)),
    ("stops in a chunk", 200, CHUNK, (OK + CHUNKED.encode() + b"\r\n\r\n14\r\n", TEN)),
    ("does not close", 200, TEN, (OK + b"\r\n", TEN)),
]


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize(("status", "got", "says"), [each[1:] for each in ANSWERS], ids=[each[0] for each in ANSWERS])
def test_an_answer_that_stalls_is_a_cut_and_never_looks_whole(
    mode: str, status: int, got: bytes, says: tuple[bytes, ...], slow: Slow
) -> None:
    slow.origin.serve = stalls_after(*says)
    told = slow.told(mode, sends(slow.head(mode)))

    assert told.words == (status, ALLOWED, "upstream-timeout")
    if status == 200:
        assert told.heard.partition(b"\r\n\r\n")[2] == got + b"<reset>"
    assert slow.forwarded() == b""


@pytest.mark.parametrize("mode", BOTH)
def test_an_answer_whose_connection_is_reset_is_a_cut_and_one_that_is_closed_is_whole(mode: str, slow: Slow) -> None:
    heard = threading.Event()

    def says_and(end: Callable[[socket.socket], object]) -> Callable[[socket.socket, Visit], None]:
        def serve(connection: socket.socket, visit: Visit) -> None:
            visit.data += connection.recv(65536)
            connection.sendall(OK + b"\r\n" + TEN)
            assert heard.wait(PATIENCE)
            end(connection)

        return serve

    def resets(connection: socket.socket) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        connection.close()

    def hears(connection: socket.socket) -> None:
        connection.sendall(slow.head(mode))
        while TEN not in connection.recv(65536, socket.MSG_PEEK):
            pass
        heard.set()

    slow.origin.serve = says_and(lambda connection: connection.close())
    whole = slow.told(mode, hears)
    heard.clear()
    slow.origin.serve = says_and(resets)
    cut = slow.told(mode, hears)

    assert (whole.words, whole.heard.endswith(TEN)) == ((200, ALLOWED, None), True)
    assert cut.words == (200, ALLOWED, "upstream-broken")
    assert cut.heard.endswith(b"<reset>")


@pytest.mark.parametrize("mode", BOTH)
def test_an_origin_that_takes_nothing_of_a_body_is_blamed_and_not_the_client(mode: str, slow: Slow) -> None:
    def refuses_to_read(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(10)
        until(lambda: len(_ends(slow)) > before, "nobody was blamed")

    before = len(_ends(slow))
    slow.origin.serve = refuses_to_read
    size = 50_000 if mode == "reverse" else 30_000_000
    told = slow.told(mode, sends(_post(slow, mode, f"Content-Length: {size}") + b"x" * size))

    assert told.decided == ALLOWED
    assert _ends(slow)[before]["reason"] == "upstream-timeout"


def _exchanges(slow: Slow) -> int:
    """How many records tell of requests."""
    return sum(each["event"] in {"decision", "end"} for each in slow.gateway.records())


def _ends(slow: Slow) -> list[dict[str, object]]:
    return [each for each in slow.gateway.records() if each["event"] == "end"]


@pytest.mark.parametrize("mode", BOTH)
def test_a_client_that_does_not_take_its_answer_is_let_go_and_named(mode: str, slow: Slow) -> None:
    def pours(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(65536)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        for _ in range(1000):
            connection.sendall(bytes(100_000))

    before = len(_ends(slow))
    slow.origin.serve = pours
    with origins.client(slow.port(mode)) as connection:
        connection.sendall(slow.head(mode))
        until(lambda: len(_ends(slow)) > before, "the client was waited for")

    assert (_ends(slow)[before]["status"], _ends(slow)[before]["reason"]) == (200, "client-timeout")


def test_a_silent_websocket_is_closed_on_both_sides_and_pings_keep_it_open(slow: Slow) -> None:
    def accepts(connection: socket.socket, visit: Visit) -> None:
        visit.data += connection.recv(65536)
        connection.sendall(ACCEPT)
        visit.data.clear()
        swallow(connection, visit)

    slow.origin.serve = accepts
    ping = b"\x89\x80" + bytes(4)
    with origins.client(slow.gateway.reverse) as connection:
        connection.sendall(ASK)
        assert origins.status_of(origins.read_head(connection)) == 101
        drips(b"", [ping] * 100)(connection)
        heard = to_the_end(connection)
    until(lambda: _ends(slow)[-1]["reason"] == "idle-timeout", "the end was never recorded")

    assert heard.endswith(b"\x88\x02\x03\xe9")
    assert (_ends(slow)[-1]["status"], slow.origin.visits[0].data.count(ping[:1]) >= 100) == (101, True)
    until(slow.origin.visits[0].closed.is_set, "the origin was left waiting")


def test_a_silent_tunnel_is_ended_and_the_log_says_why(slow: Slow) -> None:
    slow.origin.serve, before = swallow, len(_ends(slow))
    with origins.client(slow.gateway.forward) as connection:
        connection.sendall(_connect(slow))
        assert origins.status_of(origins.read_head(connection)) == 200
        connection.sendall(b"\x00\x01 neither TLS nor HTTP")
        assert to_the_end(connection) in {b"", b"<reset>"}
    until(lambda: len(_ends(slow)) > before, "the end was never recorded")

    assert (_ends(slow)[before]["status"], _ends(slow)[before]["reason"]) == (200, "idle-timeout")
    assert slow.origin.received == b"\x00\x01 neither TLS nor HTTP"


def _connect(slow: Slow) -> bytes:
    where = f"origin.example:{slow.origin.port}"
    return f"CONNECT {where} HTTP/1.1\r\nHost: {where}\r\n\r\n".encode()


def test_a_tunnel_that_never_says_what_it_carries_is_ended(slow: Slow) -> None:
    told = slow.told("forward", sends(_connect(slow)))

    assert told.words == (200, "head-timeout", None)
    assert slow.origin.visits == []


@pytest.mark.parametrize("mode", BOTH)
def test_nobody_waits_for_a_machine_that_does_not_answer(mode: str, tmp_path: Path) -> None:
    with deaf() as port, slowly(tmp_path, port=port) as slow:
        slow.origin.port = port
        told = slow.told(mode, sends(slow.head(mode)))

    assert told.words == (504, ALLOWED, "upstream-timeout")


def test_nobody_waits_for_a_handshake_that_does_not_end(tmp_path: Path) -> None:
    with slowly(tmp_path, scheme="https") as slow:
        slow.origin.serve = stalls_after(b"\x16\x03\x03\x00\x7a\x02")
        told = slow.told("reverse", sends(slow.head("reverse")))

        assert told.words == (504, ALLOWED, "upstream-timeout")
        assert b"GET" not in slow.origin.received


@pytest.mark.parametrize("mode", BOTH)
@pytest.mark.parametrize("limits", [{"connections_per_client": 3}, {"connections": 3}], ids=["per client", "in all"])
def test_one_connection_too_many_is_told_so_before_it_says_a_word(
    mode: str, limits: dict[str, int], tmp_path: Path
) -> None:
    patient = replace(IMPATIENT, keep_alive=60.0, **limits)
    with slowly(tmp_path, patient) as slow, ExitStack() as held:
        for _ in range(3):
            standing = held.enter_context(origins.client(slow.port(mode)))
            standing.sendall(slow.head(mode))
            assert origins.status_of(origins.read_answer(standing)) == 200
        until(lambda: len(_ends(slow)) == 3, "the records never came")
        told = slow.told(mode, sends())
        asked = len(slow.origin.visits)
        standing.close()

        def has_room() -> bool:
            return origins.status_of(origins.ask(slow.port(mode), slow.head(mode))) == 200

        assert told.words == (503, "capacity", None)
        assert asked == 3
        until(has_room, "the place of a connection that ended was never free")
