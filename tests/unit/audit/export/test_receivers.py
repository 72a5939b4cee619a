from __future__ import annotations

import errno
import socket
import ssl

import pytest

from gateway.audit.export.receivers import NotTaken, TooMuch, why


@pytest.mark.parametrize(
    ("words", "error"),
    [
        ("connection refused", ConnectionRefusedError(111, "Connection refused")),
        ("it hung up", ConnectionResetError(104, "Connection reset by peer")),
        ("it hung up", BrokenPipeError(32, "Broken pipe")),
        ("it hung up", OSError(errno.ENOTCONN, "Transport endpoint is not connected")),
        ("it did not answer in time", TimeoutError("timed out")),
        ("its name has no address", socket.gaierror(-2, "Name or service not known")),
        ("TLS failed: the handshake broke off", ssl.SSLError()),
    ],
)
def test_an_error_is_said_in_words_for_people(words: str, error: OSError) -> None:
    assert words == why(error)


def test_too_much_is_not_taken_either_and_a_pause_can_be_asked_for() -> None:
    error: NotTaken = TooMuch("too much")

    assert (str(error), error.after, NotTaken("later", 7.0).after) == ("too much", 0.0, 7.0)
