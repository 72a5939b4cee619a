"""Logs that are proved, written by the real writer with a real notary."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from gateway.audit.proof.keys import NEXT, SIGNING
from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.proof.notes import SigningKey
from gateway.audit.proof.store import FOLDER, Store
from gateway.audit.proof.verifying import verify
from gateway.audit.writing.segments import open_segment, segments
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import until

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from gateway.audit.proof.anchors import Anchor
    from gateway.audit.proof.findings import Report
    from gateway.audit.records.record import Record
    from gateway.audit.writing.segments import Opener

QUICK = NotaryOptions(checkpoint=0.002, remember=0.0)
PLAIN = WriterOptions(gather=0.0, sync_interval=0.0, compress=False, retry=(0.001, 0.002))
DAY = 86_400.0
MONDAY = 1_795_392_000.0
"""Midnight of 2026-11-23, UTC."""

KEY = SigningKey("wicketgate/1f", bytes(range(32)))
OTHER = SigningKey("wicketgate/1f", bytes(reversed(range(32))))
THIRD = SigningKey("wicketgate/1f", bytes(32))


def decision(number: int) -> Record:
    """A record that can be told from others."""
    return {
        "time": "2026-11-23T10:00:00.000000Z",
        "event": "decision",
        "id": f"{number:026d}",
        "decision": {"verdict": "deny"},
    }


@dataclass
class Clock:
    """Tells the time that it is told."""

    now: float = MONDAY

    def __call__(self) -> float:
        return self.now


@contextmanager
def writing(
    directory: Path,
    *,
    options: NotaryOptions = QUICK,
    writer: WriterOptions = PLAIN,
    clock: Clock | None = None,
    anchors: Sequence[Anchor] = (),
    opener: Opener = open_segment,
) -> Iterator[AuditWriter]:
    """A log that is being written and proved."""
    clock = clock or Clock()
    notary = Notary(options, anchors=anchors, clock=clock)
    log = AuditWriter(directory, writer, clock=clock, opener=opener, witness=notary)
    log.start()
    try:
        yield log
    finally:
        log.close()


def write(
    directory: Path, count: int, *, first: int = 0, segment_size: int = 1 << 20, clock: Clock | None = None
) -> None:
    """Append so many decisions, close the log, and sign it once."""
    last = replace(QUICK, checkpoint=3600.0)
    with writing(directory, options=last, writer=replace(PLAIN, segment_size=segment_size), clock=clock) as log:
        for number in range(first, first + count):
            log.append_durable(decision(number)).result()


def write_on_another_day(directory: Path, count: int, clock: Clock) -> None:
    """Append decisions under the key of the next day."""
    clock.now += DAY
    with writing(directory, clock=clock) as log:
        for number in range(count):
            log.append_durable(decision(number)).result()
        until(lambda: handed_over(directory, clock))


def handed_over(directory: Path, clock: Clock) -> bool:
    """Whether the key of today signs."""
    folder = directory / FOLDER
    day = f"2026-11-{23 + int((clock.now - MONDAY) // DAY)}"
    return not (folder / NEXT).exists() and (folder / SIGNING).read_text().startswith(day)


def store_of(directory: Path) -> Store:
    """What proves a log."""
    return Store(directory / FOLDER)


def lines_in(directory: Path) -> list[bytes]:
    """All lines of a log."""
    return [line for path in segments(directory) for line in path.read_bytes().splitlines(keepends=True)]


def said(report: Report) -> list[str]:
    """The findings of a report as sentences."""
    return [str(each) for each in report.in_order()]


def findings(directory: Path, *anchors: Path) -> list[str]:
    """What a check of a log finds."""
    report = verify(directory, anchors=anchors)
    assert report.undecided is None
    return said(report)
