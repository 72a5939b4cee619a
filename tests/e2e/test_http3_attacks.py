"""What HTTP/3 and QUIC forbid, and what they allow too much of: refused, recorded, and no origin hears of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.http3.frames import Code, Kind, write_frame, write_integer
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.front_doors import Door, door
from tests.e2e.h3stage import HOST, fresh, opened, reasons, send_frames
from tests.e2e.h3wire import SETTINGS, Client, asking, body, head, talking
from tests.e2e.hostile_heads import HEADS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.h2wire import Fields

pytestmark = pytest.mark.e2e


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


UNPACKED = [each for each in HEADS if each[0] != "an empty name"]  # nobody unpacks that one


@pytest.mark.parametrize(("why", "fields", "status", "reason"), UNPACKED, ids=[each[0] for each in UNPACKED])
def test_a_head_that_may_not_be_ends_its_stream_and_no_other(  # noqa: PLR0917 - a row of the table, and who meets it
    why: str, fields: Callable[[str], Fields], status: int, reason: str, front: Door, client: Client
) -> None:
    start = len(front.decisions)
    raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields(HOST)]

    refused = client.ask(raw)
    after = client.ask(asking(HOST, "/after"))

    assert (why, *refused.verdict) == (why, status, reason)
    assert b"wicketgate-decision" in refused.fields
    assert after.status == 200
    assert reasons(front, 2, start) == [reason, "allowed-by-default"]
    assert [each.split(b"\r\n")[0] for each in front.origin.requests] == [b"GET /after HTTP/1.1"]


def test_a_head_that_is_too_large_to_be_unpacked_is_refused_and_its_stream_alone(front: Door, client: Client) -> None:
    start = len(front.decisions)

    refused = client.ask(asking(HOST, "/", ("x", "y" * 60_000)))
    after = client.ask(asking(HOST, "/after"))

    assert (refused.verdict, after.status) == ((431, "head-too-large"), 200)
    assert reasons(front, 2, start) == ["head-too-large", "allowed-by-default"]


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
    until(lambda: "malformed-request" in reasons(front, 1, start), "it is not on record")
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
    assert reasons(front, 1, start) == ["malformed-request"]


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
    assert reasons(front, 1, start) == ["malformed-request"]


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
        until(origin.visits[0].closed.is_set, "the origin was left waiting")
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
    assert reasons(front, 1, start) == ["allowed-by-default"]


def test_a_head_that_does_not_end_is_not_waited_for(front: Door, client: Client) -> None:
    start = len(front.decisions)
    client.send(client.open(), REQUEST[:-3])
    client.ended()

    assert reasons(front, 1, start) == ["head-timeout"]


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
            client.hear()
        if client.end is not None:
            break

    assert client.ended() == Code.EXCESSIVE_LOAD
    assert "capacity" in reasons(front, 2, start)


def test_a_rapid_reset_is_calmed_before_it_costs_an_origin_much(front: Door, client: Client) -> None:
    start = len(front.decisions)
    packed = head(asking(HOST, "/refused", method="POST"))
    for _ in range(1000):
        stream = write_integer(client.open())
        asked = b"\x0e" + stream + b"\x00" + write_integer(len(packed)) + packed
        send_frames(
            client, asked + b"\x04" + stream + write_integer(Code.REQUEST_CANCELLED) + write_integer(len(packed))
        )
        client.hear()
        if client.end is not None:
            break

    assert client.ended() == Code.EXCESSIVE_LOAD
    assert front.origin.requests == []
    assert "capacity" in reasons(front, 1, start)
    assert len(front.decisions) - start < 500
