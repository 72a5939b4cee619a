from __future__ import annotations

import errno
import os
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from gateway.audit.writing.compression import PutOff, compress, write_draft
from gateway.audit.writing.recovery import recover
from gateway.audit.writing.segments import open_lines, segments
from tests.unit.audit.logs import line, whole_log

ROOT: Final = Path(__file__).parents[4]
FIRST, SECOND = (f"01JD000000000000000000000{number}.jsonl" for number in (1, 2))
KILLED: Final = Path(__file__).with_name("killed.py")


def segment(directory: Path, first: int, count: int) -> Path:
    """A closed segment with so many records, and an active one behind it."""
    path = directory / FIRST
    path.write_bytes(b"".join(map(line, range(first, first + count))))
    (directory / SECOND).write_bytes(line(first + count))
    return path


def test_a_compressed_segment_holds_the_same_bytes_and_is_private(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 5000)
    before = path.read_bytes()

    target = compress(path, lambda: True)

    assert target.name == f"{FIRST}.zst"
    assert not path.exists()
    assert target.stat().st_mode & 0o777 == 0o600
    assert target.stat().st_size < len(before) / 10
    with open_lines(target) as file:
        assert file.read() == before
    assert len(whole_log(tmp_path)) == 5001


def test_without_time_everything_stays_as_it_was(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 100)

    with pytest.raises(PutOff):
        compress(path, lambda: False)

    assert [each.name for each in sorted(tmp_path.iterdir())] == [FIRST, SECOND]


def test_a_draft_that_cannot_be_written_leaves_no_file(tmp_path: Path) -> None:
    def failing() -> list[bytes]:
        raise OSError(errno.EIO, "bad disk")

    with pytest.raises(OSError, match="bad disk"):
        write_draft(tmp_path / "x.jsonl.zst", (each for _ in (1,) for each in failing()))

    assert list(tmp_path.iterdir()) == []


def test_a_crash_at_any_moment_leaves_every_record_once(tmp_path: Path) -> None:
    """Killed before each time that a file of the log is touched; the log is whole then, and after the next start."""
    outcomes = set()
    for moment in range(40):
        directory = tmp_path / str(moment)
        directory.mkdir()
        segment(directory, 1, 200)
        run = [sys.executable, str(KILLED), str(moment), str(directory), FIRST]

        killed = subprocess.run(run, check=False, cwd=ROOT).returncode

        assert killed in {0, -9}
        assert len(whole_log(directory)) == 201
        recover(directory)
        assert len(whole_log(directory)) == 201
        assert len(list(directory.iterdir())) == 2
        outcomes.add((killed, segments(directory)[0].suffix))
        if killed == 0:
            break

    assert outcomes == {(-9, ".jsonl"), (-9, ".zst"), (0, ".zst")}


def test_a_reader_that_listed_a_segment_still_finds_it(tmp_path: Path) -> None:
    path = segment(tmp_path, 1, 10)
    listed = segments(tmp_path)

    compress(path, lambda: True)

    with open_lines(listed[0]) as file:
        assert len(file.readlines()) == 10


def test_damage_of_a_compressed_segment_is_an_error_of_input(tmp_path: Path) -> None:
    target = compress(segment(tmp_path, 1, 5000), lambda: True)
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 0xFF
    target.write_bytes(content)

    with open_lines(target) as file, pytest.raises(OSError, match="the compressed segment is damaged"):
        file.read()
    assert os.access(target, os.R_OK)
