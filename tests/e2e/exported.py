"""A log that grows and its exporters, without a gateway: for tests of what becomes of records on their way."""

from __future__ import annotations

import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.export.exporters import Exporters
from gateway.audit.export.targets import Target, parse_target
from gateway.audit.records.events import list_record
from gateway.audit.writing.writer import AuditWriter, WriterOptions

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.export.health import Health
    from gateway.audit.export.rules import Export


_AT_ONCE: Final = 50
"""Records that are written together; between such groups the writer may begin a new segment."""


@dataclass(slots=True)
class Stage:
    """The writer, the exporters, and what the operator was told."""

    folder: Path
    writer: AuditWriter
    exporters: Exporters
    said: list[str] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    last: int = 0

    def write(self, count: int) -> int:
        """Write so many records more, all of them down to the disk; the number of the last one."""
        for first in range(0, count, _AT_ONCE):
            done = [self.writer.append_durable(a_record()) for _ in range(first, min(count, first + _AT_ONCE))]
            self.last = done[-1].result(30)
        return self.last

    def health(self, name: str) -> Health:
        """How an exporter is."""
        return next(each for each in self.exporters.health() if each.name == name)


def target(url: str) -> Target:
    """Where a URL of any kind points."""
    return parse_target(url, ("tcp", "tls", "http", "https"))


def a_record() -> dict[str, object]:
    """A record of a few hundred bytes."""
    problems = ["it is said at some length what is wrong with it " * 4]
    return list_record(
        outcome="kept", listener="egress", name="ads", entries=3, digest=None, problems=problems, now=time.time()
    )


@contextmanager
def stage(folder: Path, *exports: Export, options: WriterOptions | None = None) -> Iterator[Stage]:
    """Write and export in this block."""
    said: list[str] = []
    missed: list[str] = []
    writer = AuditWriter(folder / "audit", options or WriterOptions(segment_size=64 * 1024))
    exporters = Exporters(exports, folder / "audit", folder / "audit-cursors", said=said.append, missed=missed.append)
    writer.start()
    exporters.start()
    try:
        yield Stage(folder, writer, exporters, said, missed)
    finally:
        writer.close()
        exporters.close()
