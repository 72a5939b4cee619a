"""The law of the log: what was accepted is read back exactly once and in order, whatever the disk did meanwhile."""

from __future__ import annotations

import os
import resource
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from hypothesis import example, given, settings
from hypothesis import strategies as st

from gateway.audit.reading.reader import records, seq_of
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import open_segment, segments
from gateway.audit.writing.writer import AuditWriter, WriterOptions

if TYPE_CHECKING:
    from gateway.audit.reading.reader import Damage

OPTIONS = WriterOptions(gather=0.0, sync_interval=0.02, segment_size=600, retry=(0.0005, 0.001))
SHORT = 350
"""Bytes that a file may have on a disk that is short: a few lines and a part of one."""

steps = st.lists(
    st.one_of(
        st.integers(1, 12),  # so many records
        st.sampled_from(["full", "short", "unsyncable", "refused", "works", "pause", "restart", "torn"]),
    ),
    min_size=1,
    max_size=14,
)


class Disk:
    """Opens segments on what works, or on what the system itself refuses."""

    def __init__(self) -> None:
        self.state = "works"

    def become(self, state: str) -> None:
        """From now on the disk works, or does not; `short` tears lines in open segments too."""
        self.state = state
        hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
        resource.setrlimit(resource.RLIMIT_FSIZE, (SHORT if state == "short" else hard, hard))

    def __call__(self, path: Path) -> int:
        match self.state:
            case "full":
                return os.open("/dev/full", os.O_WRONLY)
            case "unsyncable":
                return os.open("/dev/null", os.O_WRONLY)
            case "refused":
                return os.open("/proc/self/no-such-file", os.O_WRONLY)
            case _:
                return open_segment(path)


class Story:
    """A log that lives through the steps, and what it accepted."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.disk = Disk()
        self.accepted: list[str] = []
        self.writer = self.started()

    def started(self) -> AuditWriter:
        writer = AuditWriter(self.directory, OPTIONS, opener=self.disk)
        writer.start()
        return writer

    def append(self, count: int) -> None:
        for _ in range(count):
            cause = f"number {len(self.accepted)}"
            try:
                self.writer.append({"time": "", "event": "stop", "cause": cause})
            except AuditUnavailable:
                return
            self.accepted.append(cause)

    def settle(self) -> None:
        """Until everything is on the disk: a log that is closed while the disk fails tells its loss instead."""
        self.disk.become("works")
        end = time.monotonic() + 10
        while self.writer.waiting or not self.writer.healthy:
            assert time.monotonic() < end, "the log did not recover"
            time.sleep(0.0005)
        self.writer.close()

    def take(self, step: int | str) -> None:
        match step:
            case int():
                self.append(step)
            case "pause":
                time.sleep(0.003)
            case "restart" | "torn":
                self.settle()
                if step == "torn":
                    with segments(self.directory)[-1].open("ab") as file:
                        file.write(b'{"v":1,"seq":')
                self.writer = self.started()
            case state:
                self.disk.become(state)


@given(story=steps)
@example(story=[2, "short", 12, 12, "works", 3])
@settings(deadline=None, max_examples=60)
def test_every_accepted_record_is_read_back_once_and_in_order(story: list[int | str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Story(Path(folder) / "audit")
        try:
            for step in story:
                log.take(step)
        finally:
            log.settle()
        damage: list[Damage] = []
        found = list(records(log.directory, on_damage=damage.append))

    assert [each["cause"] for each in found if each["event"] == "stop"] == log.accepted
    assert [seq_of(each) for each in found] == list(range(1, len(found) + 1))
    assert damage == []
