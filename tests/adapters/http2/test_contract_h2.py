"""Everything of hyper-h2 that is used and not documented, or documented otherwise than we need it."""

from __future__ import annotations

import inspect

import pytest
from h2 import stream
from h2.config import H2Configuration
from h2.connection import H2Connection
from h2.errors import ErrorCodes
from h2.exceptions import ProtocolError
from hyperframe.frame import GoAwayFrame

from addons.http2.frames import PREFACE, Run
from tests.e2e.h2wire import asking, quiet


def _pair() -> tuple[H2Connection, H2Connection]:
    client, server = quiet(client_side=True), quiet(client_side=False)
    client.initiate_connection()
    server.initiate_connection()
    server.receive_data(client.data_to_send())
    client.receive_data(server.data_to_send())
    return client, server


def test_a_stated_length_that_is_forgotten_is_not_enforced() -> None:
    """addons/http2/session.py counts by itself: hyper-h2 ends the whole connection for one wrong body."""
    client, server = _pair()
    client.send_headers(1, asking("x", "/", ("content-length", "1")))
    server.receive_data(client.data_to_send())
    assert vars(server.streams[1])["_expected_content_length"] == 1
    vars(server.streams[1])["_expected_content_length"] = None
    client.send_data(1, b"abc", end_stream=True)

    assert [type(event).__name__ for event in server.receive_data(client.data_to_send())] == [
        "DataReceived",
        "StreamEnded",
    ]
    assert "_expected_content_length" in inspect.getsource(stream.H2Stream)


def test_a_goaway_ends_everything_which_is_why_it_is_never_shown() -> None:
    client, server = _pair()
    client.send_headers(1, asking("x"))
    server.receive_data(client.data_to_send())
    server.receive_data(GoAwayFrame(0, last_stream_id=1).serialize())

    with pytest.raises(ProtocolError):
        server.send_headers(1, [(":status", "200")])


def test_a_frame_that_was_cut_elsewhere_is_taken_by_its_kind() -> None:
    """addons/http2/session.py gives pieces of bodies in one frame, larger than any that is sent."""
    client, server = _pair()
    client.send_headers(1, asking("x"))
    server.receive_data(client.data_to_send())
    server._frame_dispatch_table[Run] = server._receive_data_frame  # noqa: SLF001 - it is private, and watched here
    found = server._receive_frame(Run(1, b"x" * 20_000))  # noqa: SLF001 - it is private, and watched here

    assert [(type(each).__name__, vars(each)["flow_controlled_length"]) for each in found] == [("DataReceived", 20_000)]
    assert "self._terminate_connection(e.error_code)" in inspect.getsource(H2Connection.receive_data)


def test_the_preface_is_taken_by_itself() -> None:
    server = H2Connection(H2Configuration(client_side=False))
    server.initiate_connection()

    assert server.receive_data(PREFACE) == []


def test_settings_are_our_own_once_they_are_acknowledged() -> None:
    server = H2Connection(H2Configuration(client_side=False))
    server.local_settings.initial_window_size = 12345
    server.local_settings.acknowledge()

    assert server.local_settings.initial_window_size == 12345


def test_what_was_used_of_a_closed_stream_goes_back_to_the_connection() -> None:
    client, server = _pair()
    client.send_headers(1, asking("x"))
    client.send_data(1, bytes(16_000))
    server.receive_data(client.data_to_send())
    server.reset_stream(1, ErrorCodes.CANCEL)
    server.data_to_send()
    server.acknowledge_received_data(40_000, 1)

    assert server.data_to_send() != b""


def test_the_first_stream_error_is_told_with_its_code() -> None:
    assert ProtocolError.error_code is ErrorCodes.PROTOCOL_ERROR
