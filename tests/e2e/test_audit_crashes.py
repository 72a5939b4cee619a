"""A writer under load is killed at two hundred moments, most often on the log that the one before left behind."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.reading.reader import Damage, records
from gateway.audit.writing.recovery import recover
from gateway.audit.writing.segments import segments
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.e2e.commands import until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

ROOT: Final = Path(__file__).parents[2]
LOGS: Final = 20
LIVES: Final = 10
LONGEST: Final = 0.08


@pytest.fixture(scope="module")
def victims() -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", "tests.e2e.audit_victim"]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        assert process.stdin is not None
        process.stdin.close()


def killed(victims: subprocess.Popen[str], folder: Path, seconds: float) -> tuple[int, int]:
    """One life that is ended; how many records it was told are safe, and the greatest of their numbers."""
    assert victims.stdin is not None
    assert victims.stdout is not None
    victims.stdin.write(f"{folder} {seconds}\n")
    victims.stdin.flush()
    many, last = victims.stdout.readline().split()
    return int(many), int(last)


def whole(folder: Path) -> int:
    """How many records the log holds, after proof that none is missing, doubled or torn."""
    damage: list[Damage] = []
    seen = [each["seq"] for each in records(folder, on_damage=damage.append)]
    assert seen == list(range(1, len(seen) + 1))
    assert damage == []
    return len(seen)


def compressed_at_last(folder: Path) -> None:
    """One more life, that ends in peace once every closed segment is compressed: no crash left one that cannot be.

    Which of the others had the time for it, a busy machine decides.
    """
    log = AuditWriter(folder, WriterOptions(segment_size=8 * 1024, reserve=0))
    log.start()
    while len(segments(folder)) < 2:
        log.append_durable({"time": "", "event": "note", "pad": "x" * 1024}).result()
    log.append_durable({"time": "", "event": "note"}).result()
    until(lambda: all(path.suffix == ".zst" for path in segments(folder)[:-1]), "every closed segment is compressed")
    log.close()


@pytest.mark.parametrize("log", range(LOGS))
def test_whoever_was_told_that_a_record_is_safe_finds_it_after_any_crash(
    log: int, victims: subprocess.Popen[str], tmp_path: Path
) -> None:
    chance = random.Random(log)
    safe = promised = 0
    for _ in range(LIVES):
        many, last = killed(victims, tmp_path, chance.uniform(0.0, LONGEST))
        safe, promised = safe + many, max(promised, last)
        recover(tmp_path)
        assert whole(tmp_path) >= promised

    assert promised >= safe > LIVES
    compressed_at_last(tmp_path)
    assert whole(tmp_path) > promised
