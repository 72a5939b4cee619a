"""The law of following: whatever becomes of a log while somebody follows it, every record comes once and in order.

Lines are torn and written on, killed writers' ends are cut off by the next one, segments are rotated and compressed.
"""

from __future__ import annotations

import os
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hypothesis import example, given
from hypothesis import strategies as st

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import newest
from gateway.audit.reading.reader import follow, last_records, records, seq_of
from gateway.audit.reading.scanning import Scan
from gateway.audit.writing.compression import compress
from gateway.audit.writing.segments import segments
from tests.unit.audit.logs import line

if TYPE_CHECKING:
    from gateway.audit.reading.reader import Damage

STEPS: Final = st.lists(
    st.one_of(
        st.integers(1, 4).map(lambda count: f"write {count}"),
        st.integers(1, 60).map(lambda size: f"tear {size}"),
        st.sampled_from(["rotate", "compress", "go on", "restart", "nothing"]),
    ),
    max_size=25,
)


@dataclass
class Writing:
    """A log that is written step by step, as a writer, its keeper and its successors after a crash do it."""

    folder: Path
    seq: int = 0
    torn: bytes = b""
    number: int = 0
    written: list[int] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.active.write_bytes(b"")

    @property
    def active(self) -> Path:
        return self.folder / f"01JD0000000000000000000{self.number:03}.jsonl"

    def do(self, step: str) -> None:
        what, _, many = step.partition(" ")
        match what:
            case "write":
                self.go_on()
                for _ in range(int(many)):
                    self.append(self.next())
            case "tear" if not self.torn:
                self.torn = line(self.seq + 1, "t" * 20)
                self.append(self.torn[: int(many)])
            case "rotate" if not self.torn:
                self.number += 1
                self.active.write_bytes(b"")
            case "compress":
                closed = [path for path in segments(self.folder) if path.suffix == ".jsonl" and path != self.active]
                for path in closed[:1]:
                    compress(path, lambda: True)
            case "go":
                self.go_on()
            case "restart":
                self.restart()

    def next(self) -> bytes:
        self.seq += 1
        self.written.append(self.seq)
        return line(self.seq, "x" * (self.seq % 50))

    def go_on(self) -> None:
        """The writer writes the rest of a line, of which the system had taken a part."""
        if self.torn:
            self.seq += 1
            self.written.append(self.seq)
            self.append(self.torn[self.active.stat().st_size - self.active.read_bytes().rfind(b"\n") - 1 :])
            self.torn = b""

    def restart(self) -> None:
        """The next writer cuts what was torn, and gives its number to another record."""
        whole = self.active.read_bytes()
        os.truncate(self.active, whole.rfind(b"\n") + 1)
        self.torn = b""
        self.append(self.next())

    def append(self, data: bytes) -> None:
        with self.active.open("ab") as file:
            file.write(data)


@given(steps=STEPS, after=st.integers(0, 3))
@example(["tear 60", "restart", "write 2"], 0)
@example(["write 1", "tear 30", "restart", "tear 10", "go on", "rotate", "compress", "write 1"], 0)
def test_who_follows_a_log_gets_every_record_once_and_in_order(steps: list[str], after: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Writing(Path(folder))
        damage: list[Damage] = []
        todo = iter([*steps, "go on"])

        def pause() -> bool:
            step = next(todo, None)
            if step is not None:
                log.do(step)
            return step is not None

        found = [seq_of(each) for each in follow(Path(folder), after, pause, damage.append)]

        assert found == [seq for seq in log.written if seq > after]
        assert damage == []
        assert [seq_of(each) for each in records(Path(folder))] == log.written
        assert [seq_of(each) for each in last_records(Path(folder), 2)] == log.written[-2:]


@given(sizes=st.lists(st.integers(1, 30), min_size=1, max_size=3), data=st.data())
def test_a_compressed_segment_that_lost_its_end_gives_what_is_left_and_every_reader_says_so(
    sizes: list[int], data: st.DataObject
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        log = Writing(Path(folder))
        for size in sizes:
            log.do(f"write {size}")
            log.do("rotate")
        log.do("write 1")
        victim = data.draw(st.sampled_from(segments(Path(folder))[:-1]))
        held = [seq_of(each) for each in records(Path(folder))]
        of_victim = [int(each.split(b",")[1].split(b":")[1]) for each in victim.read_bytes().splitlines()]
        packed = compress(victim, lambda: True)
        whole = packed.read_bytes()
        packed.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])

        for read in (_records, _scan, _newest, _follow):
            damage: list[Damage] = []
            found = read(Path(folder), damage)
            lost = [seq for seq in held if seq not in found]
            assert found == sorted(found)
            assert set(lost) <= set(of_victim)
            assert lost == of_victim[len(of_victim) - len(lost) :]
            told = [each for each in damage if each.segment.name == packed.name]
            assert len(told) == 1
            assert str(told[0]).endswith("put a copy of the file in its place")


def _records(folder: Path, damage: list[Damage]) -> list[int]:
    return [seq_of(each) for each in records(folder, on_damage=damage.append)]


def _scan(folder: Path, damage: list[Damage]) -> list[int]:
    return [int(each.split(b",")[1].split(b":")[1]) for each in Scan(folder, Filter(), damage.append).lines()]


def _newest(folder: Path, damage: list[Damage]) -> list[int]:
    return [seq_of(each) for each in newest(folder, Filter(), 1000, damage.append)]


def _follow(folder: Path, damage: list[Damage]) -> list[int]:
    return [seq_of(each) for each in follow(folder, 0, lambda: False, damage.append)]
