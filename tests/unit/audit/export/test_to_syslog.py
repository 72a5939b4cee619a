from __future__ import annotations

import pytest

from gateway.audit.export.receivers import NotTaken
from gateway.audit.export.syslog import frame
from gateway.audit.export.targets import Target
from gateway.audit.export.to_syslog import Syslog
from tests.unit.audit.export.listening import (
    Listening,
    reads_one_byte_and_dies,
    reads_to_the_end,
    reads_to_the_end_and_dies,
    stays_silent,
)
from tests.unit.audit.export.logged import LOG, message

MESSAGES = [message(seq, "x" * 1000) for seq in range(1, 400)]
FRAMES = b"".join(frame(each, LOG, "gw") for each in MESSAGES)


def syslog(receiver: Listening, timeout: float = 10.0) -> Syslog:
    """A receiver, without TLS."""
    return Syslog(Target("tcp", "127.0.0.1", receiver.port), None, LOG, "gw", timeout=timeout)


def test_batches_are_taken_one_connection_each() -> None:
    with Listening([reads_to_the_end]) as receiver:
        sender = syslog(receiver)
        sender.deliver(MESSAGES)
        sender.deliver(MESSAGES[:1])
        sender.close()

    assert receiver.got[:2] == [FRAMES, frame(MESSAGES[0], LOG, "gw")]


def test_who_dies_before_the_end_has_not_taken_them_and_gets_them_again() -> None:
    with Listening([reads_one_byte_and_dies, reads_to_the_end]) as receiver:
        sender = syslog(receiver)
        with pytest.raises(NotTaken, match="it hung up"):
            sender.deliver(MESSAGES)
        sender.deliver(MESSAGES)
        sender.close()

    assert receiver.got[:2] == [FRAMES[:1], FRAMES]


def test_who_is_not_there_any_more_after_the_end_may_have_died_of_it() -> None:
    """A process that is killed after it has read, and before it has written, hangs up in order: its system does."""
    with Listening([reads_to_the_end_and_dies]) as receiver:
        sender = syslog(receiver)
        with pytest.raises(NotTaken, match=r"connection refused|it hung up"):
            sender.deliver(MESSAGES)
        sender.close()

    assert receiver.got == [FRAMES]


def test_who_neither_reads_nor_hangs_up_has_not_taken_them() -> None:
    with Listening([stays_silent]) as receiver:
        sender = syslog(receiver, timeout=0.1)
        with pytest.raises(NotTaken, match=f"`tcp://127.0.0.1:{receiver.port}`: it did not answer in time"):
            sender.deliver(MESSAGES)
        sender.close()


def test_a_connection_that_ended_while_nothing_was_sent_is_no_failure() -> None:
    with Listening([reads_to_the_end, lambda _, connection: connection.close(), reads_to_the_end]) as receiver:
        sender = syslog(receiver)
        sender.deliver(MESSAGES[:1])
        held = sender._next  # noqa: SLF001 - the connection that waits for the next batch
        while held is not None and held.is_open:
            pass
        sender.deliver(MESSAGES[:1])
        sender.close()

    assert receiver.got[:2] == [frame(MESSAGES[0], LOG, "gw")] * 2
