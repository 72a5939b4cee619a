from __future__ import annotations

import os
from threading import Thread

import pytest

from gateway.audit.export.receivers import NotTaken
from gateway.audit.export.to_stdout import Stdout
from tests.unit.audit.export.logged import message


def test_every_message_is_a_line_however_slowly_they_are_read() -> None:
    read, written = os.pipe()
    messages = [message(seq, f"{seq} {'x' * 1000}") for seq in range(500)]
    writing = Thread(target=Stdout(written).deliver, args=(messages,))
    writing.start()

    with os.fdopen(read, "rb") as file:
        lines = [file.readline().decode() for _ in messages]
        writing.join()
        os.close(written)

    assert [f"{each.text}\n" for each in messages] == lines


def test_an_output_that_nobody_reads_is_not_taken() -> None:
    read, written = os.pipe()
    os.close(read)

    with pytest.raises(NotTaken, match="the standard output cannot be written: broken pipe"):
        Stdout(written).deliver([message(1)])

    os.close(written)
