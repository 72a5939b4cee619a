"""Everything of aioquic that is used and not documented: a release that moves it fails here."""

from __future__ import annotations

import inspect
from typing import Any

import pytest
from aioquic import tls
from aioquic._buffer import Buffer
from aioquic.quic import connection, stream
from aioquic.quic.connection import Limit, QuicConnection

from tests.adapters.http3.pairs import shaken

METHODS = [
    ("_initialize", "self peer_cid"),
    ("_handle_crypto_frame", "self context frame_type buf"),
    ("_handle_stream_frame", "self context frame_type buf"),
    ("_handle_stop_sending_frame", "self context frame_type buf"),
    ("_handle_path_challenge_frame", "self context frame_type buf"),
    ("_handle_new_connection_id_frame", "self context frame_type buf"),
    ("_payload_received", "self context plain crypto_frame_required"),
    ("_write_connection_limits", "self builder space"),
    ("_write_stream_limits", "self builder space stream"),
    ("_push_crypto_data", "self"),
    ("_on_connection_limit_delivery", "self delivery limit"),
    ("_on_max_stream_data_delivery", "self delivery stream"),
    ("close", "self error_code frame_type reason_phrase"),
]
STATE = [
    "_close_event",
    "_crypto_buffers",
    "_crypto_streams",
    "_events",
    "_local_max_data",
    "_local_max_streams_bidi",
    "_local_max_streams_uni",
    "_loss",
    "_spaces",
    "_streams",
    "_streams_finished",
]


@pytest.mark.parametrize(("name", "arguments"), METHODS, ids=[each[0] for each in METHODS])
def test_what_is_replaced_is_there(name: str, arguments: str) -> None:
    assert list(inspect.signature(getattr(QuicConnection, name)).parameters) == arguments.split()


@pytest.mark.parametrize("name", STATE)
def test_what_is_looked_at_is_there(name: str) -> None:
    assert name in vars(shaken().ours)


def test_a_hello_is_answered_by_the_method_that_we_put_off() -> None:
    arguments = inspect.signature(tls.Context._server_handle_hello).parameters  # noqa: SLF001 - this is the contract

    assert list(arguments) == ["self", "input_buf", "initial_buf", "handshake_buf", "onertt_buf"]


def test_the_buffers_of_a_handshake_are_in_the_order_of_its_levels() -> None:
    levels = vars(shaken().ours)["_crypto_buffers"]

    assert list(levels) == [tls.Epoch.INITIAL, tls.Epoch.HANDSHAKE, tls.Epoch.ONE_RTT]


def test_frames_are_handled_by_the_methods_of_the_connection_itself() -> None:
    pair = shaken()
    handlers: dict[int, Any] = vars(pair.ours)["_QuicConnection__frame_handlers"]

    assert handlers[0x08][0].__func__ is type(pair.ours)._handle_stream_frame  # noqa: SLF001 - this is the contract


def test_streams_know_what_waits_in_them() -> None:
    one: Any = stream.QuicStream(0)

    assert (one.sender._buffer_start, one.sender._buffer_stop, one.sender._buffer_fin) == (0, 0, None)  # noqa: SLF001 - this is the contract
    assert one.sender._reset_error_code is None  # noqa: SLF001 - this is the contract
    assert (len(one.receiver._buffer), len(one.receiver._ranges)) == (0, 0)  # noqa: SLF001 - this is the contract


def test_a_limit_says_what_was_said_and_what_was_used() -> None:
    limit = Limit(0x10, "x", 5)

    assert (limit.value, limit.sent, limit.used, limit.frame_type) == (5, 5, 0, 0x10)


def test_a_buffer_tells_what_is_in_it_whatever_was_read() -> None:
    buffer = Buffer(data=b"abc")

    assert (buffer.data_slice(0, buffer.capacity), buffer.data) == (b"abc", b"")


def test_there_is_no_bound_of_aioquic_s_that_we_have_to_raise() -> None:
    assert connection.MAX_PENDING_CRYPTO >= 64 * 1024
