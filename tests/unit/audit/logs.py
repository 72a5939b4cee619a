"""What the tests of the log share: records to write, logs to read back, and time to wait."""

from __future__ import annotations

import os
import pwd
import time
from typing import TYPE_CHECKING, Protocol

from gateway.audit.reading.reader import records, seq_of
from gateway.audit.writing.segments import open_segment
from gateway.audit.writing.writer import WriterOptions

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.reading.reader import Damage
    from gateway.audit.records.record import Record
    from gateway.audit.writing.segments import Opener
    from gateway.audit.writing.witness import Witness
    from gateway.audit.writing.writer import AuditWriter

QUICK = WriterOptions(gather=0.001, retry=(0.005, 0.02), reserve=0)


class Opened(Protocol):
    """Starts a writer on the log of this test; it is closed when the test ends."""

    def __call__(
        self,
        options: WriterOptions = QUICK,
        opener: Opener = open_segment,
        witness: Witness | None = None,
        clock: Callable[[], float] = time.time,
    ) -> AuditWriter: ...


def event(number: int = 0) -> Record:
    """A record that can be told from others."""
    return {"time": "2026-11-23T10:00:00.000000Z", "event": "note", "cause": f"number {number}"}


def line(seq: int, cause: str = "x") -> bytes:
    """A line of a log as the writer writes it."""
    return f'{{"v":1,"seq":{seq},"time":"2026-11-23T10:00:00.000000Z","event":"note","cause":"{cause}"}}\n'.encode()


def causes(found: list[Record]) -> list[object]:
    """What `event` wrote, without the gaps between."""
    return [each["cause"] for each in found if each["event"] == "note"]


def whole_log(directory: Path) -> list[Record]:
    """Every record, after proof that no number is missing, doubled or out of order."""
    damage: list[Damage] = []
    found = list(records(directory, on_damage=damage.append))
    assert [seq_of(each) for each in found] == list(range(1, len(found) + 1))
    assert [str(each) for each in damage] == []
    return found


def until(condition: Callable[[], bool], seconds: float = 5.0) -> None:
    """Wait until `condition` holds; fail if it never does."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.002)


def whoami() -> str:
    """The user that the tests run as, in the words of an error."""
    user = os.geteuid()
    return next((entry.pw_name for entry in pwd.getpwall() if entry.pw_uid == user), f"user {user}")
