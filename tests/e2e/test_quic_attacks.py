"""What QUIC forbids, and what it allows too much of: bounded, recorded, and heard from proved addresses alone."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Final

import pytest

from addons.http3.frames import Kind, write_integer
from tests.e2e.h3stage import HOST, fresh, opened, reasons, send_frames
from tests.e2e.h3wire import PATIENCE, Client, Quic, asking, head, talking

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.front_doors import Door

pytestmark = pytest.mark.e2e

SILENCE: Final = 0.3
"""Seconds without an answer that are taken for none."""
REQUEST: Final = head(asking(HOST, "/up", method="POST"))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http3")


@pytest.fixture(scope="module")
def standing(folder: Path) -> Iterator[Door]:
    with opened(folder) as front:
        yield front


@pytest.fixture
def front(standing: Door) -> Iterator[Door]:
    with fresh(standing) as front:
        yield front


@pytest.fixture
def client(front: Door, folder: Path) -> Iterator[Client]:
    with talking(front.gateway.reverse, HOST, folder / "root.pem") as opened:
        yield opened


def test_more_streams_at_once_than_were_agreed_end_the_connection(front: Door, client: Client) -> None:
    start = len(front.decisions)
    vars(client.quic)["_remote_max_streams_bidi"] = 1000
    for _ in range(101):
        client.send(client.open(), REQUEST)

    assert client.ended() == 0x4
    assert "malformed-request" in reasons(front, 1, start)


def test_streams_that_have_ended_make_room_for_others(client: Client) -> None:
    assert {client.ask(asking(HOST, "/refused")).status for _ in range(250)} == {403}


def test_pieces_out_of_order_are_few(front: Door, client: Client) -> None:
    """A stream in thousands of pieces would cost as many steps for each of them."""
    start = len(front.decisions)
    stream = client.open()
    client.send(stream, REQUEST)
    for turn in range(20):
        _send_pieces(client, stream, range(1000 + turn * 40, 1040 + turn * 40, 2))
        client.hear()

    assert client.ended() == 0xA
    assert "malformed-request" in reasons(front, 1, start)


def _send_pieces(client: Client, stream: int, offsets: range) -> None:
    frames = b"".join(b"\x0e" + write_integer(stream) + write_integer(each) + b"\x01x" for each in offsets)
    send_frames(client, frames)


QUIC_FRAMES: list[tuple[str, bytes, int]] = [
    ("too much ahead", b"\x0e\x00" + write_integer(200_000) + b"\x01x", 0x3),
    ("a stream of ours", b"\x0a\x01\x01x", 0x5),
    ("a handshake without an end", b"\x06" + write_integer(100_000) + b"\x01x", 0xD),
    ("a datagram", b"\x31\x01x", 0xA),
    ("a token", b"\x07\x01x", 0xA),
    ("done", b"\x1e", 0xA),
    ("an answer to no challenge", b"\x1b" + bytes(8), 0xA),
    ("an unknown frame", b"\x21", 0x7),
]


@pytest.mark.parametrize(("why", "frames", "code"), QUIC_FRAMES, ids=[each[0] for each in QUIC_FRAMES])
def test_frames_of_quic_that_may_not_be_end_the_connection(
    why: str, frames: bytes, code: int, front: Door, client: Client
) -> None:
    start = len(front.decisions)
    client.ask(asking(HOST, "/before"))
    send_frames(client, frames)

    assert (why, client.ended()) == (why, code)
    assert reasons(front, 2, start) == ["allowed-by-default", "malformed-request"]


def test_a_stop_that_is_said_twice_harms_nobody(front: Door, client: Client) -> None:
    stream = client.open()
    client.send(stream, REQUEST)
    send_frames(client, (b"\x05" + write_integer(stream) + b"\x00") * 2)
    client.run(lambda: client.answer(stream).reset is not None)

    assert client.ask(asking(HOST, "/after")).status == 200


def test_another_address_than_that_of_the_handshake_is_not_heard(front: Door, client: Client) -> None:
    assert client.ask(asking(HOST, "/before")).status == 200
    own = client.socket
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as another:
        another.bind(("127.0.0.9", 0))
        client.socket = another
        stream = client.begin(asking(HOST, "/stolen"))
        with pytest.raises(AssertionError, match="it never came to that"):
            client.run(lambda: client.answer(stream).is_over, patience=0.5)

    assert b"/stolen" not in front.origin.received
    client.socket = own
    assert client.whole(stream).status == 200


def _ask_raw(front: Door, datagram: bytes, source: str = "127.0.0.1", patience: float = PATIENCE) -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.settimeout(patience)
        sender.sendto(datagram, ("127.0.0.1", front.gateway.reverse))
        try:
            return sender.recv(65536)
        except TimeoutError:
            return b""


def _first_datagram(front: Door, folder: Path) -> bytes:
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        [(datagram, _)] = client.quic.datagrams_to_send(now=time.monotonic())
    return bytes(datagram)


def test_a_first_packet_gets_less_than_it_brings_until_its_address_is_proved(front: Door, folder: Path) -> None:
    before = len(front.gateway.engine.connections)

    answer = _ask_raw(front, _first_datagram(front, folder))

    assert 0 < len(answer) < 200
    assert answer[0] & 0xF0 == 0xF0, "no Retry"
    assert len(front.gateway.engine.connections) == before


def test_a_token_is_good_for_its_own_address_alone(front: Door, folder: Path) -> None:
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.flush()
        client.socket.settimeout(PATIENCE)
        client.quic.receive_datagram(client.socket.recv(65536), client.there, now=time.monotonic())
        [(datagram, _)] = client.quic.datagrams_to_send(now=time.monotonic())
        assert vars(client.quic)["_retry_count"] == 1

        assert _ask_raw(front, datagram, "127.0.0.9", SILENCE) == b""
        client.socket.sendto(datagram, client.there)
        client.run(lambda: client.is_connected)


def test_versions_that_nobody_speaks_are_answered_by_those_that_are_spoken(front: Door, folder: Path) -> None:
    datagram = bytearray(_first_datagram(front, folder))
    datagram[1:5] = b"\x1a\x1a\x1a\x1a"

    assert b"\x00\x00\x00\x01" in _ask_raw(front, bytes(datagram))
    assert _ask_raw(front, bytes(datagram[:1199]), patience=SILENCE) == b""


@pytest.mark.parametrize("noise", [b"", b"x", bytes(1500), b"\xff" * 1500, b"\xc0\x00\x00\x00\x01" + bytes(1300)])
def test_noise_is_not_answered(noise: bytes, front: Door, client: Client) -> None:
    assert _ask_raw(front, noise, patience=SILENCE) == b""
    assert client.ask(asking(HOST, "/after")).status == 200


def test_a_handshake_that_does_not_end_is_not_waited_for(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.flush()
        client.socket.settimeout(PATIENCE)
        client.quic.receive_datagram(client.socket.recv(65536), client.there, now=time.monotonic())
        client.flush()

        assert reasons(front, 1, start) == ["head-timeout"]


def test_a_client_that_speaks_no_http3_is_refused_in_the_handshake(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    with Client(front.gateway.reverse, HOST, folder / "root.pem", alpn_protocols=["hq-interop"]) as client:
        assert client.ended() == 0x128

    assert reasons(front, 1, start) == ["protocol-refused"]


def test_connections_of_one_client_are_counted(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    clients = [Client(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.12") for _ in range(20)]
    try:
        for each in clients:
            each.connect()
        with Client(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.12") as late:
            assert late.ended() == 0x2
        assert reasons(front, 1, start) == ["capacity"]
        with talking(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.13") as other:
            assert other.ask(asking(HOST)).status == 200
    finally:
        for each in clients:
            each.__exit__()


def test_early_data_is_not_taken(front: Door, folder: Path) -> None:
    """No ticket is given, so that nothing could be said before the handshake a second time."""
    tickets: list[object] = []
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.quic = Quic(configuration=client.quic.configuration, session_ticket_handler=tickets.append)
        client.quic.connect(client.there, now=time.monotonic())
        client.connect()
        assert client.ask(asking(HOST)).status == 200

    assert tickets == []


def test_the_settings_offer_neither_a_table_nor_extended_connect(client: Client) -> None:
    client.ask(asking(HOST))

    [(kind, said)] = client.said
    assert kind == Kind.SETTINGS
    assert said == b"\x01\x00\x07\x00\x06" + write_integer(8192)
