"""One question to a large log, asked by several processes, each of a part of it; their answers in the log's order.

A part is counted by itself, so it cannot see what only its neighbours tell: a number that is missing between them, or
records that were written twice. Whoever put the parts together sees it by their first and last numbers. Then, and
whenever a part is damaged, the whole log is read again by one process, which tells what is wrong with it.
"""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.scanning import Scan, within
from gateway.audit.writing.segments import COMPRESSED, open_lines, segments

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.audit.reading.filters import Filter
    from gateway.audit.reading.reader import Damage

PART: Final = 64 * 1024 * 1024
"""Bytes of a part. A compressed segment, which can only be read from its beginning, is one."""
_COMPRESSION: Final = 10
"""How much larger a compressed segment is than it looks, about."""


@dataclass(frozen=True, slots=True)
class Part:
    """The lines of a segment from one offset to another, both at the beginning of a line; `end` 0: to the last."""

    path: Path
    begin: int = 0
    end: int = 0


@dataclass(frozen=True, slots=True)
class _Counted[T]:
    answer: T
    first: int
    last: int
    pruned: int
    is_damaged: bool


def spread[T](scan: Scan, count: Callable[[Scan], T], *, size: int = PART, workers: int | None = None) -> Iterator[T]:
    """The answers of `count`, in the order of the log; of the whole scan where that is as good. Raises OSError.

    `count` has to go to another process, and its answers come from there. `scan` says how many lines are hashes, and
    where the log begins, as if it had read all of them.
    """
    hands = workers or os.process_cpu_count() or 1
    parts = list(_parts(scan, size)) if hands > 1 and scan.paths is None else []
    told = _asked(scan, parts, count, min(hands, len(parts))) if len(parts) > 1 else []
    if not told or any(each.is_damaged for each in told) or not _go_on(told):
        yield count(scan)
        return
    scan.first = next((each.first for each in told if each.first), 0)
    scan.pruned = sum(each.pruned for each in told)
    yield from (each.answer for each in told)


def _parts(scan: Scan, size: int) -> Iterator[Part]:
    """The parts of the segments that may hold what is wanted, none much larger than `size`; none of a small log."""
    paths = within(segments(scan.directory), scan.wanted.since, scan.wanted.until)
    try:
        sizes = {path: path.stat().st_size * (_COMPRESSION if _is_compressed(path) else 1) for path in paths}
        if sum(sizes.values()) <= size:
            return
        for path in paths:
            cuts = [] if _is_compressed(path) else list(_cuts(path, sizes[path], size))
            yield from (Part(path, *ends) for ends in pairwise([0, *cuts, 0]))
    except FileNotFoundError:
        return  # it was compressed, or its time was over, at this moment: what is left is read in one go


def _is_compressed(path: Path) -> bool:
    return path.name.endswith(COMPRESSED)


def _cuts(path: Path, length: int, size: int) -> Iterator[int]:
    """Where lines begin, about every `size` bytes."""
    with open_lines(path) as file:
        for about in range(size, length - size // 2, size):
            file.seek(about)
            if file.readline().endswith(b"\n"):
                yield file.tell()


def _asked[T](scan: Scan, parts: list[Part], count: Callable[[Scan], T], hands: int) -> list[_Counted[T]]:
    """What the processes answer; nothing if there can be none."""
    from concurrent.futures.process import BrokenProcessPool, ProcessPoolExecutor  # noqa: PLC0415 - for large logs only
    from multiprocessing import get_context  # noqa: PLC0415 - for large logs only

    told: list[_Counted[T]] = []
    ask = partial(_answer, scan.directory, scan.wanted, count)
    try:
        with ProcessPoolExecutor(hands, get_context("fork"), _end_without_a_word) as pool:
            for done, each in enumerate(pool.map(ask, parts), 1):
                told.append(each)
                scan.on_progress(done, len(parts))
    except (BrokenProcessPool, OSError):
        return []
    return told


def _end_without_a_word() -> None:
    """What interrupts the command interrupts its processes: one of them is enough to say so."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def _answer[T](directory: Path, wanted: Filter, count: Callable[[Scan], T], part: Part) -> _Counted[T]:
    damage: list[Damage] = []
    scan = Scan(directory, wanted, damage.append, paths=[part.path], skip=max(part.begin - 1, 0), stop=part.end)
    answer = count(scan)
    return _Counted(answer, scan.first, scan.last, scan.pruned, bool(damage))


def _go_on[T](told: list[_Counted[T]]) -> bool:
    """Whether every part begins with the number behind the last one of the part before."""
    filled = [each for each in told if each.first]
    return all(before.last + 1 == after.first for before, after in pairwise(filled))
