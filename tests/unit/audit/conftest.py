from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.segments import open_segment
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.logs import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.audit.writing.segments import Opener
    from gateway.audit.writing.witness import Witness
    from tests.unit.audit.logs import Opened


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    return tmp_path / "state" / "audit"


@pytest.fixture
def opened(directory: Path) -> Iterator[Opened]:
    writers: list[AuditWriter] = []

    def start(
        options: WriterOptions = QUICK,
        opener: Opener = open_segment,
        witness: Witness | None = None,
        clock: Callable[[], float] = time.time,
    ) -> AuditWriter:
        writer = AuditWriter(directory, options, opener=opener, witness=witness, clock=clock)
        writer.start()
        writers.append(writer)
        return writer

    yield start
    for writer in writers:
        writer.close()
