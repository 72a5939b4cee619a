from __future__ import annotations

from aioquic.quic.events import HandshakeCompleted, StreamDataReceived

from addons.http3.quic import HelloHeard, Windows
from tests.adapters.http3.pairs import Pair, shaken


def test_a_handshake_waits_until_its_hello_was_judged() -> None:
    class Silent(Pair):
        def answer(self) -> None:
            """Nobody has judged yet."""

    pair = Silent()
    pair.talk()

    [heard] = [each for each in pair.heard if isinstance(each, HelloHeard)]
    assert b"shop.example" in heard.body
    assert not any(isinstance(each, HandshakeCompleted) for each in pair.heard)


def test_a_hello_that_was_judged_is_answered() -> None:
    pair = Pair()
    pair.talk()

    [done] = [each for each in pair.heard if isinstance(each, HandshakeCompleted)]
    assert (done.alpn_protocol, done.early_data_accepted, done.session_resumed) == ("h3", False, False)


def _received(pair: Pair) -> int:
    """Everything that came and was not given back; all of it is owed to the client."""
    pair.keeps = True
    pair.talk(100)
    return sum(pair.ours.owed.values())


def test_a_window_is_raised_when_bytes_were_passed_on_and_not_before() -> None:
    pair = shaken(Windows(stream=50_000))
    pair.client.send_stream_data(0, bytes(200_000))
    assert _received(pair) == 50_000

    pair.ours.give_back(0, 50_000)
    assert _received(pair) == 50_000


def test_the_window_of_a_connection_is_raised_in_the_same_way() -> None:
    pair = shaken(Windows(stream=50_000, connection=80_000))
    for number in (0, 4):
        pair.client.send_stream_data(number, bytes(60_000))
    assert _received(pair) == 80_000

    for number, size in dict(pair.ours.owed).items():
        pair.ours.give_back(number, size)
    assert _received(pair) == 40_000


def test_streams_that_end_make_room_and_no_others() -> None:
    pair = shaken(Windows(streams=4))
    for number in range(0, 40, 4):
        pair.client.send_stream_data(number, b"x", end_stream=True)
    pair.talk()
    assert {each.stream_id for each in pair.heard if isinstance(each, StreamDataReceived)} == {0, 4, 8, 12}

    for number in (0, 4, 8, 12):
        pair.ours.send_stream_data(number, b"y", end_stream=True)
    pair.talk()
    assert {each.stream_id for each in pair.heard if isinstance(each, StreamDataReceived)} == set(range(0, 32, 4))


def test_what_aioquic_stumbles_over_is_the_client_s_fault() -> None:
    pair = Pair()
    pair.ours.take(b"\xe0" + bytes(1300), ("127.0.0.2", 1), 0.0)

    assert pair.ours.fault is None or "unreadable" in pair.ours.fault
    assert pair.heard == []


def test_what_was_not_acknowledged_is_known() -> None:
    pair = shaken()
    pair.client.send_stream_data(0, b"x", end_stream=True)
    pair.talk()
    pair.ours.send_stream_data(0, bytes(5000), end_stream=True)
    assert (pair.ours.unsent(0), pair.ours.all_unsent, pair.ours.can_send(0)) == (5000, 5001, False)

    pair.talk()
    assert (pair.ours.unsent(0), pair.ours.all_unsent, pair.ours.is_forgotten(0)) == (0, 0, True)


def test_a_stream_that_is_dropped_keeps_its_answer_only_if_it_was_whole() -> None:
    pair = shaken()
    for number in (0, 4):
        pair.client.send_stream_data(number, b"x")
    pair.talk()
    pair.ours.send_stream_data(0, b"y", end_stream=True)
    pair.ours.drop(0, 0x100, answered=True)
    pair.ours.drop(4, 0x10C, answered=False)
    pair.ours.drop(8, 0x10C, answered=False)
    pair.talk()

    told = [(type(each).__name__, getattr(each, "stream_id", None)) for each in iter(pair.client.next_event, None)]
    assert ("StreamDataReceived", 0) in told
    assert ("StreamReset", 4) in told
    assert ("StreamReset", 0) not in told


def test_the_client_is_told_a_code_and_no_reason() -> None:
    pair = shaken()
    pair.ours.end(0x107, "too many of something", fault=True)
    pair.talk(1)

    assert pair.ours.fault == "too many of something"
    end = vars(pair.client)["_close_event"]
    assert (end.error_code, end.reason_phrase) == (0x107, "")
