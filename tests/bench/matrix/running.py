"""The matrix is run: role by role all of its subjects stand side by side, and are loaded in turns."""

from __future__ import annotations

import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.reader import records
from tests.bench.load import Wrong, program
from tests.bench.matrix.cells import Cell, Rounded, Sample, Silent, summed
from tests.bench.matrix.places import Ends, Place, Target, origins
from tests.bench.matrix.processes import occupied_mb, spent
from tests.bench.matrix.subjects import ROLES, Subject
from tests.bench.matrix.workloads import Asked, Workload

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_RESTLESS: Final = 0.02
_PATIENCE: Final = 5.0
_LONG: Final = 6.0
_FAILURES: Final = (Wrong, OSError, subprocess.SubprocessError, AssertionError)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is run. `warming` is how many seconds everybody is loaded before the rounds that count, `most` bounds how
    many connections there are.
    """

    workloads: tuple[Workload, ...]
    subjects: tuple[Subject, ...]
    rounds: int = 5
    seconds: float = 1.0
    warming: float = 0.5
    most: int = 1 << 16


@dataclass(slots=True)
class _Standing:
    """A subject as it stands in a role: its target, or why there is none (`broken`: because it did not start).

    `decisions` is how many it was caused to take; `before`, `rounds` and `failed` are of one workload.
    """

    subject: Subject
    target: Target | str
    broken: bool = False
    decisions: int = 0
    before: Sample | None = None
    rounds: list[Rounded] = field(default_factory=list)
    failed: str | None = None


def run(wanted: Wanted) -> list[Cell]:
    """Every cell of the matrix, by workload. Raises Wrong if a decision of the gateway's is missing in its log."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 1 << 17), most))
    cells: list[Cell] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "origins").mkdir()
        folder.chmod(0o755)  # Squid gives root up, and is somebody else then
        with origins(folder / "origins") as ends:
            for role in ROLES:
                if workloads := [each for each in wanted.workloads if each.role == role]:
                    cells += _in_role(role, workloads, wanted, ends, folder)
    return cells


def _in_role(role: str, workloads: Sequence[Workload], wanted: Wanted, ends: Ends, folder: Path) -> list[Cell]:
    cells: list[Cell] = []
    with _standing(role, wanted.subjects, ends, folder / role) as standing:
        for workload in workloads:
            sys.stderr.write(f"{workload.name}: {workload.title}\n")
            cells += _in_turns(workload, standing, wanted, ends)
    for each in standing:
        _see_the_log(each)
    return cells


@contextmanager
def _standing(role: str, subjects: Sequence[Subject], ends: Ends, folder: Path) -> Iterator[list[_Standing]]:
    with ExitStack() as running, ThreadPoolExecutor(4) as starting:
        yield list(starting.map(lambda each: _started(each, role, ends, folder, running), subjects))


def _started(subject: Subject, role: str, ends: Ends, folder: Path, running: ExitStack) -> _Standing:
    start = subject.roles[role]
    if isinstance(start, str):
        return _Standing(subject, start)
    if why := subject.missing():
        return _Standing(subject, why)
    place = folder / subject.name.replace(" ", "-")
    place.mkdir(parents=True)
    try:
        return _Standing(subject, start(Place(place, ends, running)))
    except _FAILURES as error:
        return _Standing(subject, str(error), broken=True)


def _in_turns(workload: Workload, standing: Sequence[_Standing], wanted: Wanted, ends: Ends) -> list[Cell]:
    able = [each for each in standing if _unable(workload, each) is None]
    for each in able:
        each.before, each.failed, each.rounds = None, None, []
        if wanted.warming:
            _round(workload, each, ends, wanted.warming * workload.longer, wanted.most)
            each.before = each.rounds.pop().sample if each.rounds else None
    for _ in range(wanted.rounds):
        for each in able:
            _round(workload, each, ends, wanted.seconds * workload.longer, wanted.most)
    return [_cell(workload, each) for each in standing]


def _round(workload: Workload, standing: _Standing, ends: Ends, seconds: float, most: int) -> None:
    target = standing.target
    if standing.failed or isinstance(target, str):
        return
    asked = Asked(target, ends, seconds, min(workload.connections, most), standing.before)
    before = _spent(target)
    try:
        sample = _driven(workload, asked)
    except _FAILURES as error:
        standing.failed = str(error) or type(error).__name__
        return
    took, occupied = _spent(target) - before, 0.0 if target.pid is None else occupied_mb(target.pid)
    standing.rounds.append(Rounded(sample, took, occupied))
    standing.decisions += sample.decisions
    _rest(target)


def _driven(workload: Workload, asked: Asked) -> Sample:
    """A round, and a longer one if nothing at all was answered: whoever is slow has time to say something."""
    for seconds in (asked.seconds, max(asked.seconds, 1.0)):
        with suppress(Silent):
            return workload.drive(replace(asked, seconds=seconds))
    return workload.drive(replace(asked, seconds=max(asked.seconds, _LONG)))


def _rest(target: Target) -> None:
    """Wait until a target does nothing more: what is left to do behind a load must not slow another's."""
    give_up, before = time.monotonic() + _PATIENCE, _spent(target)
    while time.monotonic() < give_up:
        time.sleep(_RESTLESS)
        now = _spent(target)
        if now - before <= _RESTLESS / 2:
            return
        before = now


def _spent(target: Target) -> float:
    return 0.0 if target.pid is None else spent(target.pid)


def _unable(workload: Workload, standing: _Standing) -> str | None:
    if isinstance(standing.target, str):
        return standing.target
    if workload.needs and program(workload.needs) is None:
        return f"{workload.needs} is not installed (`make test-deps` does it)"
    return standing.subject.lacks.get(workload.name)


def _cell(workload: Workload, standing: _Standing) -> Cell:
    empty = Cell(workload.name, standing.subject.name)
    if why := _unable(workload, standing):
        return replace(empty, failed=why) if standing.broken else replace(empty, unable=why)
    if standing.failed:
        return replace(empty, failed=standing.failed)
    is_process = not isinstance(standing.target, str) and standing.target.pid is not None
    return summed(
        workload.name, standing.subject.name, standing.rounds, in_bytes=workload.in_bytes, is_process=is_process
    )


def _see_the_log(standing: _Standing) -> None:
    """Raise Wrong if a gateway, now ended, gave more answers than it wrote down decisions."""
    if isinstance(standing.target, str) or standing.target.log is None:
        return
    written = sum(record.get("event") == "decision" for record in records(standing.target.log))
    if written < standing.decisions:
        raise Wrong(f"{standing.decisions} answers were given and {written} decisions written down")
