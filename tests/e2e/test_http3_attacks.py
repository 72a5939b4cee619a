"""What HTTP/3 and QUIC forbid, and what they allow too much of: refused, recorded, and no origin hears of it."""

from __future__ import annotations

import socket
import time
from typing import TYPE_CHECKING, Any

import pytest
from aioquic.quic.connection import QuicConnection
from aioquic.quic.packet import QuicFrameType

from addons.bounds import Bounds, Patience
from addons.http3.frames import Code, Kind, write_frame, write_integer
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.front_doors import Door, door
from tests.e2e.h3wire import SETTINGS, Client, asking, body, head, talking
from tests.e2e.hostile_heads import HEADS
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.h2wire import Fields

pytestmark = pytest.mark.e2e

HOST = "shop.example"
RULES = """
rules:
  - {id: no-secrets, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http3")


@pytest.fixture(scope="module")
def standing(folder: Path) -> Iterator[Door]:
    ring = Keyring.in_folder(folder)
    (folder / "gateway").mkdir()
    bounds = Bounds(head=8192, patience=Patience(head=0.4, handshake=0.6, exchange=3.0))
    shown = ring.shows(ring.issue("shop", HOST))
    with door(folder / "gateway", tls=shown, http3=True, policy=RULES, bounds=bounds, per_client=20) as opened:
        yield opened


@pytest.fixture
def front(standing: Door) -> Iterator[Door]:
    standing.origin.forget()
    yield standing
    assert [each for each in standing.refusals if each[0] == "internal-error"] == []


@pytest.fixture(scope="module")
def waiting(folder: Path, standing: Door) -> Iterator[tuple[Door, origins.Origin]]:
    """A gateway in front of an origin that reads whole bodies."""
    (folder / "waiting").mkdir()
    shown = standing.gateway.engine.listeners[1].settings.tls
    with origins.origin() as origin, door(folder / "waiting", tls=shown, http3=True, port=origin.port) as opened:
        yield opened, origin


@pytest.fixture
def client(front: Door, folder: Path) -> Iterator[Client]:
    with talking(front.gateway.reverse, HOST, folder / "root.pem") as opened:
        yield opened


def _last(front: Door, wanted: int, start: int) -> list[str]:
    until(lambda: len(front.decisions) >= start + wanted, "the record never came")
    return [each["decision"]["reason"] for each in front.decisions[start:]]


UNPACKED = [each for each in HEADS if each[0] != "an empty name"]  # nobody unpacks that one


@pytest.mark.parametrize(("why", "fields", "status", "reason"), UNPACKED, ids=[each[0] for each in UNPACKED])
def test_a_head_that_may_not_be_ends_its_stream_and_no_other(
    why: str, fields: Callable[[str], Fields], status: int, reason: str, front: Door, client: Client
) -> None:
    start = len(front.decisions)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields(HOST)]

    refused = client.ask(raw)
    after = client.ask(asking(HOST, "/after"))

    assert (why, *refused.verdict) == (why, status, reason)
    assert b"wicketgate-decision" in refused.fields
    assert after.status == 200
    assert _last(front, 2, start) == [reason, "allowed-by-default"]
    assert [each.split(b"\r\n")[0] for each in front.origin.requests] == [b"GET /after HTTP/1.1"]


def test_a_head_that_is_too_large_to_be_unpacked_is_refused_and_its_stream_alone(front: Door, client: Client) -> None:
    start = len(front.decisions)

    refused = client.ask(asking(HOST, "/", ("x", "y" * 60_000)))
    after = client.ask(asking(HOST, "/after"))

    assert (refused.verdict, after.status) == ((431, "head-too-large"), 200)
    assert _last(front, 2, start) == ["head-too-large", "allowed-by-default"]


REQUEST = head(asking(HOST, "/up", method="POST"))
TAKEN = [(f"frame {kind:#x} of HTTP/2", write_frame(kind, b""), Code.FRAME_UNEXPECTED) for kind in (2, 6, 8, 9)]
ON_A_REQUEST: list[tuple[str, bytes, int]] = [
    ("a body before the head", body(b"x") + REQUEST, Code.FRAME_UNEXPECTED),
    ("settings", write_frame(Kind.SETTINGS, b""), Code.FRAME_UNEXPECTED),
    ("a promise", write_frame(Kind.PUSH_PROMISE, b"\x00"), Code.FRAME_UNEXPECTED),
    ("a goodbye", write_frame(Kind.GOAWAY, b"\x00"), Code.FRAME_UNEXPECTED),
    ("a body behind trailers", REQUEST + head([(b"x", b"y")]) + body(b"x"), Code.FRAME_UNEXPECTED),
    ("three heads", REQUEST + head([(b"x", b"y")]) * 2, Code.FRAME_UNEXPECTED),
    ("a head that cannot be unpacked", write_frame(Kind.HEADERS, b"\xff" * 20), Code.QPACK_DECOMPRESSION_FAILED),
    ("a field without a name", write_frame(Kind.HEADERS, b"\x00\x00\x20\x01x"), Code.QPACK_DECOMPRESSION_FAILED),
    ("a head that waits for a table", write_frame(Kind.HEADERS, b"\x02\x00\x80"), Code.QPACK_DECOMPRESSION_FAILED),
    ("half a frame", write_integer(0) + write_integer(9) + b"x", Code.FRAME_UNEXPECTED),
    ("half a body", REQUEST + write_integer(0) + write_integer(9) + b"x", Code.FRAME_ERROR),
    ("half a head", REQUEST[:-3], Code.FRAME_ERROR),
    *TAKEN,
]


@pytest.mark.parametrize(("why", "said", "code"), ON_A_REQUEST, ids=[each[0] for each in ON_A_REQUEST])
def test_a_request_stream_that_breaks_the_protocol_ends_the_connection(
    why: str, said: bytes, code: int, front: Door, client: Client
) -> None:
    start = len(front.decisions)

    client.send(client.open(), said, end=True)

    assert (why, client.ended()) == (why, code)
    until(lambda: "malformed-request" in _last(front, 1, start), "it is not on record")
    assert front.origin.requests == []


ONE_WAY: list[tuple[str, list[bytes], int]] = [
    ("a second control stream", [SETTINGS], Code.STREAM_CREATION_ERROR),
    ("a push", [b"\x01\x00"], Code.STREAM_CREATION_ERROR),
    ("a second stream of QPACK", [b"\x02", b"\x02"], Code.STREAM_CREATION_ERROR),
    ("a dynamic table", [b"\x02\x3f\xe1\x1f"], Code.QPACK_ENCODER_STREAM_ERROR),
    ("an entry of a table", [b"\x02\xc0\x01x"], Code.QPACK_ENCODER_STREAM_ERROR),
    ("an acknowledgement of nothing", [b"\x03\x80"], Code.QPACK_DECODER_STREAM_ERROR),
]


@pytest.mark.parametrize(("why", "streams", "code"), ONE_WAY, ids=[each[0] for each in ONE_WAY])
def test_a_stream_in_one_direction_that_may_not_be_ends_the_connection(
    why: str, streams: list[bytes], code: int, front: Door, client: Client
) -> None:
    start = len(front.decisions)

    for each in streams:
        client.send(client.open(one_way=True), each)

    assert (why, client.ended()) == (why, code)
    assert _last(front, 1, start) == ["malformed-request"]


CONTROL: list[tuple[str, bytes, int]] = [
    ("no settings", write_frame(Kind.GOAWAY, b"\x00"), Code.MISSING_SETTINGS),
    ("a body", write_frame(Kind.SETTINGS, b"") + body(b"x"), Code.FRAME_UNEXPECTED),
    ("a head", write_frame(Kind.SETTINGS, b"") + REQUEST, Code.FRAME_UNEXPECTED),
    ("settings twice", write_frame(Kind.SETTINGS, b"") * 2, Code.FRAME_UNEXPECTED),
    ("a setting twice", write_frame(Kind.SETTINGS, b"\x21\x01\x21\x01"), Code.SETTINGS_ERROR),
    ("a setting of HTTP/2", write_frame(Kind.SETTINGS, b"\x03\x01"), Code.SETTINGS_ERROR),
    ("half a setting", write_frame(Kind.SETTINGS, b"\x21"), Code.FRAME_ERROR),
    ("large settings", write_integer(Kind.SETTINGS) + write_integer(9999), Code.EXCESSIVE_LOAD),
    ("an unread number", write_frame(Kind.SETTINGS, b"") + write_frame(Kind.MAX_PUSH_ID, b""), Code.FRAME_ERROR),
    ("no promise", write_frame(Kind.SETTINGS, b"") + write_frame(Kind.CANCEL_PUSH, b"\x00"), Code.ID_ERROR),
    (
        "fewer pushes",
        write_frame(Kind.SETTINGS, b"")
        + write_frame(Kind.MAX_PUSH_ID, b"\x05")
        + write_frame(Kind.MAX_PUSH_ID, b"\x04"),
        Code.ID_ERROR,
    ),
]


@pytest.mark.parametrize(("why", "said", "code"), CONTROL, ids=[each[0] for each in CONTROL])
def test_a_control_stream_that_breaks_the_protocol_ends_the_connection(
    why: str, said: bytes, code: int, front: Door, folder: Path
) -> None:
    start = len(front.decisions)
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.run(lambda: client.is_connected)
        client.send(client.open(one_way=True), write_integer(0) + said)

        assert (why, client.ended()) == (why, code)
    assert _last(front, 1, start) == ["malformed-request"]


def test_a_control_stream_that_ends_ends_the_connection(client: Client) -> None:
    client.quic.send_stream_data(2, b"", end_stream=True)

    assert client.ended() == Code.CLOSED_CRITICAL_STREAM


def test_a_control_stream_that_is_reset_ends_the_connection(client: Client) -> None:
    client.ask(asking(HOST))
    client.quic.reset_stream(2, 0)

    assert client.ended() == Code.CLOSED_CRITICAL_STREAM


@pytest.mark.parametrize("more", [b"GET /smuggled HTTP/1.1\r\n\r\n", b""], ids=["longer", "shorter"])
def test_a_body_of_another_length_than_stated_reaches_no_origin_whole(
    more: bytes, waiting: tuple[Door, origins.Origin], folder: Path
) -> None:
    front, origin = waiting
    origin.visits.clear()
    wanted = b"1234" if more else b"12345"
    length = ("content-length", "5" if more else "9")
    with talking(front.gateway.reverse, HOST, folder / "root.pem") as client:
        stream = client.open()
        client.send(stream, head(asking(HOST, "/up", length, method="POST")) + body(b"12345"))
        until(lambda: wanted in origin.received, "the body never came")
        client.send(stream, body(more), end=True)
        client.run(lambda: client.answer(stream).reset is not None)
        after = client.ask(asking(HOST, "/after"))

    assert (client.answer(stream).reset, after.status) == (Code.MESSAGE_ERROR, 200)
    assert bytes(origin.visits[0].data).partition(b"\r\n\r\n")[2] == wanted
    assert b"smuggled" not in origin.received
    until(lambda: _why_ended(front)[-2:-1] == ["malformed-request"], "the record never came")


def _why_ended(front: Door) -> list[object]:
    ends = [each for each in front.gateway.records() if each["event"] == "end"]
    return [each["reason"] for each in sorted(ends, key=lambda each: str(each["id"]))]


def test_a_request_that_is_given_up_is_no_whole_request(waiting: tuple[Door, origins.Origin], folder: Path) -> None:
    front, origin = waiting
    origin.visits.clear()
    with talking(front.gateway.reverse, HOST, folder / "root.pem") as client:
        stream = client.open()
        client.send(stream, REQUEST + body(b"half"))
        until(lambda: b"half" in origin.received, "the body never came")
        client.quic.reset_stream(stream, Code.REQUEST_CANCELLED)
        client.run(lambda: client.answer(stream).reset is not None)
        until(lambda: origin.visits[0].closed.is_set(), "the origin was left waiting")
        after = client.ask(asking(HOST, "/after"))

    assert (client.answer(stream).reset, after.status) == (Code.REQUEST_CANCELLED, 200)
    assert origin.visits[0].data.endswith(b"4\r\nhalf\r\n")
    assert "upstream-broken" not in _why_ended(front)


def test_a_stream_without_a_head_asks_for_nothing(front: Door, client: Client) -> None:
    start = len(front.decisions)
    stream = client.open()
    client.send(stream, b"", end=True)
    client.run(lambda: client.answer(stream).reset is not None)

    assert client.answer(stream).reset == Code.REQUEST_INCOMPLETE
    assert client.ask(asking(HOST, "/after")).status == 200
    assert _last(front, 1, start) == ["allowed-by-default"]


def test_a_head_that_does_not_end_is_not_waited_for(front: Door, client: Client) -> None:
    start = len(front.decisions)
    client.send(client.open(), REQUEST[:-3])
    client.ended()

    assert _last(front, 1, start) == ["head-timeout"]


def _pings(client: Client, turn: int) -> None:
    client.quic.send_ping(turn)


def _challenges(client: Client, _turn: int) -> None:
    vars(client.quic)["_network_paths"][0].is_validated = False
    vars(client.quic)["_network_paths"][0].local_challenge_sent = False


def _empty_data(client: Client, _turn: int) -> None:
    client.quic.send_stream_data(0, body(b""))


def _unknown(client: Client, _turn: int) -> None:
    client.quic.send_stream_data(0, write_frame(0x21, b""))


def _on_control(client: Client, _turn: int) -> None:
    client.quic.send_stream_data(2, write_frame(Kind.MAX_PUSH_ID, b"\x05"))


def _padding(client: Client, _turn: int) -> None:
    client.quic.send_stream_data(0, write_frame(0x21, bytes(1000)))


FLOODS = [_pings, _empty_data, _unknown, _on_control, _padding]


@pytest.mark.parametrize("say", FLOODS)
def test_a_flood_that_asks_for_nothing_is_calmed(
    say: Callable[[Client, int], None], front: Door, client: Client
) -> None:
    start = len(front.decisions)
    client.send(client.open(), REQUEST)
    for turn in range(5000):
        say(client, turn)
        client.flush()
        if turn % 20 == 0:
            client.run(lambda: True)
            _hear_what_is_there(client)
        if client.end is not None:
            break

    assert client.ended() == Code.EXCESSIVE_LOAD
    assert "capacity" in _last(front, 2, start)


def _hear_what_is_there(client: Client) -> None:
    client.socket.settimeout(0.002)
    try:
        while True:
            client.quic.receive_datagram(client.socket.recv(65536), client.there, now=time.monotonic())
    except TimeoutError:
        client._look()  # noqa: SLF001 - a part of the same harness


def test_a_rapid_reset_is_calmed_before_it_costs_an_origin_much(front: Door, client: Client) -> None:
    start = len(front.decisions)
    packed = head(asking(HOST, "/refused", method="POST"))
    for _ in range(1000):
        stream = write_integer(client.open())
        asked = b"\x0e" + stream + b"\x00" + write_integer(len(packed)) + packed
        _send_frames(
            client, asked + b"\x04" + stream + write_integer(Code.REQUEST_CANCELLED) + write_integer(len(packed))
        )
        _hear_what_is_there(client)
        if client.end is not None:
            break

    assert client.ended() == Code.EXCESSIVE_LOAD
    assert front.origin.requests == []
    assert "capacity" in _last(front, 1, start)
    assert len(front.decisions) - start < 500


def test_more_streams_at_once_than_were_agreed_end_the_connection(front: Door, client: Client) -> None:
    start = len(front.decisions)
    vars(client.quic)["_remote_max_streams_bidi"] = 1000
    for _ in range(101):
        client.send(client.open(), REQUEST)

    assert client.ended() == 0x4
    assert "malformed-request" in _last(front, 1, start)


def test_streams_that_have_ended_make_room_for_others(client: Client) -> None:
    assert {client.ask(asking(HOST, "/refused")).status for _ in range(250)} == {403}


def test_pieces_out_of_order_are_few(front: Door, client: Client) -> None:
    """A stream in thousands of pieces would cost as many steps for each of them."""
    start = len(front.decisions)
    stream = client.open()
    client.send(stream, REQUEST)
    for turn in range(20):
        _send_pieces(client, stream, range(1000 + turn * 40, 1040 + turn * 40, 2))
        _hear_what_is_there(client)

    assert client.ended() == 0xA
    assert "malformed-request" in _last(front, 1, start)


def _send_pieces(client: Client, stream: int, offsets: range) -> None:
    frames = b"".join(b"\x0e" + write_integer(stream) + write_integer(each) + b"\x01x" for each in offsets)
    _send_frames(client, frames)


def _send_frames(client: Client, frames: bytes) -> None:
    """Put frames of our own into a packet, behind a PING of aioquic's."""
    quic = client.quic
    write = quic._write_ping_frame  # noqa: SLF001 - there is no other way to say what aioquic would not

    def more(builder: Any, *arguments: Any, **named: Any) -> None:
        write(builder, *arguments, **named)
        builder.start_frame(QuicFrameType.PADDING, capacity=len(frames)).push_bytes(frames)

    vars(quic)["_write_ping_frame"] = more
    quic.send_ping(0)
    client.flush()
    del vars(quic)["_write_ping_frame"]


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
    _send_frames(client, frames)

    assert (why, client.ended()) == (why, code)
    assert _last(front, 2, start) == ["allowed-by-default", "malformed-request"]


def test_a_stop_that_is_said_twice_harms_nobody(front: Door, client: Client) -> None:
    stream = client.open()
    client.send(stream, REQUEST)
    _send_frames(client, (b"\x05" + write_integer(stream) + b"\x00") * 2)
    client.run(lambda: client.answer(stream).reset is not None)

    assert client.ask(asking(HOST, "/after")).status == 200


def test_another_address_than_that_of_the_handshake_is_not_heard(front: Door, client: Client) -> None:
    assert client.ask(asking(HOST, "/before")).status == 200
    port = client.socket.getsockname()[1]
    client.socket.close()
    client.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.socket.bind(("127.0.0.9", 0))

    stream = client.begin(asking(HOST, "/stolen"))
    with pytest.raises(AssertionError, match="it never came to that"):
        client.run(lambda: client.answer(stream).is_over, patience=0.5)

    assert b"/stolen" not in front.origin.received
    client.socket.close()
    client.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.socket.bind(("127.0.0.1", port))
    assert client.whole(stream).status == 200


def _ask_raw(front: Door, datagram: bytes, source: str = "127.0.0.1") -> bytes:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        sender.bind((source, 0))
        sender.settimeout(0.3)
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
        client.socket.settimeout(5)
        client.quic.receive_datagram(client.socket.recv(65536), client.there, now=time.monotonic())
        [(datagram, _)] = client.quic.datagrams_to_send(now=time.monotonic())
        assert vars(client.quic)["_retry_count"] == 1

        assert _ask_raw(front, datagram, "127.0.0.9") == b""
        client.socket.sendto(datagram, client.there)
        client.run(lambda: client.is_connected)


def test_versions_that_nobody_speaks_are_answered_by_those_that_are_spoken(front: Door, folder: Path) -> None:
    datagram = bytearray(_first_datagram(front, folder))
    datagram[1:5] = b"\x1a\x1a\x1a\x1a"

    assert b"\x00\x00\x00\x01" in _ask_raw(front, bytes(datagram))
    assert _ask_raw(front, bytes(datagram[:1199])) == b""


@pytest.mark.parametrize("noise", [b"", b"x", bytes(1500), b"\xff" * 1500, b"\xc0\x00\x00\x00\x01" + bytes(1300)])
def test_noise_is_not_answered(noise: bytes, front: Door, client: Client) -> None:
    assert _ask_raw(front, noise) == b""
    assert client.ask(asking(HOST, "/after")).status == 200


def test_a_handshake_that_does_not_end_is_not_waited_for(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.flush()
        client.socket.settimeout(5)
        client.quic.receive_datagram(client.socket.recv(65536), client.there, now=time.monotonic())
        client.flush()

        assert _last(front, 1, start) == ["head-timeout"]


def test_a_client_that_speaks_no_http3_is_refused_in_the_handshake(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    with Client(front.gateway.reverse, HOST, folder / "root.pem", alpn_protocols=["hq-interop"]) as client:
        assert client.ended() == 0x128

    assert _last(front, 1, start) == ["protocol-refused"]


def test_connections_of_one_client_are_counted(front: Door, folder: Path) -> None:
    start = len(front.decisions)
    clients = [Client(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.12") for _ in range(20)]
    try:
        for each in clients:
            each.connect()
        with Client(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.12") as late:
            assert late.ended() == 0x2
        assert _last(front, 1, start) == ["capacity"]
        with talking(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.13") as other:
            assert other.ask(asking(HOST)).status == 200
    finally:
        for each in clients:
            each.__exit__()


def test_early_data_is_not_taken(front: Door, folder: Path) -> None:
    """No ticket is given, so that nothing could be said before the handshake a second time."""
    tickets: list[object] = []
    with Client(front.gateway.reverse, HOST, folder / "root.pem") as client:
        client.quic = QuicConnection(configuration=client.quic.configuration, session_ticket_handler=tickets.append)
        client.quic.connect(client.there, now=time.monotonic())
        client.connect()
        assert client.ask(asking(HOST)).status == 200

    assert tickets == []


def test_the_settings_offer_neither_a_table_nor_extended_connect(client: Client) -> None:
    client.ask(asking(HOST))

    [(kind, said)] = client.said
    assert kind == Kind.SETTINGS
    assert said == b"\x01\x00\x07\x00\x06" + write_integer(8192)
