from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.audit.records.ids import IdSource
from gateway.audit.writing.segments import open_segment, segments
from gateway.audit.writing.tail import Tail

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.writing.segments import Opener


def tail(directory: Path, opener: Opener = open_segment, limit: int = 10) -> Tail:
    return Tail(directory, IdSource(lambda: 1.0, bytes), opener, limit)


def contents(directory: Path) -> list[bytes]:
    return [path.read_bytes() for path in segments(directory)]


def test_a_full_segment_gets_a_successor_and_a_fuller_one_does_not_come_back(tmp_path: Path) -> None:
    log = tail(tmp_path)
    log.open(None)
    for line in (b"12345\n", b"6789\n", b"next\n"):
        log.write([line])
        log.sync()
        log.rotate()
    log.close()

    assert contents(tmp_path) == [b"12345\n6789\n", b"next\n"]


def test_a_log_goes_on_in_its_last_segment_unless_that_is_full(tmp_path: Path) -> None:
    for line in (b"123\n", b"456789\n", b"x\n"):
        log = tail(tmp_path)
        log.open(segments(tmp_path)[-1] if segments(tmp_path) else None)
        log.write([line])
        log.close()

    assert contents(tmp_path) == [b"123\n456789\n", b"x\n"]


def test_new_segments_come_behind_all_others_even_if_the_clock_was_put_back(tmp_path: Path) -> None:
    late = tmp_path / "7ZZZZZZZZZZZZZZZZZZZZZZZZ0.jsonl"
    late.write_bytes(b"x" * 10)
    log = tail(tmp_path)
    log.open(late)
    log.close()

    assert [path.name for path in segments(tmp_path)] == [late.name, "7ZZZZZZZZZZZZZZZZZZZZZZZZ1.jsonl"]


def test_a_renewed_log_leaves_the_old_segment_as_it_is(tmp_path: Path) -> None:
    log = tail(tmp_path)
    log.open(None)
    log.write([b"a\n", b"b"])
    log.renew([b"b\n"])
    log.write([b"c\n"])
    log.close()

    assert contents(tmp_path) == [b"a\nb", b"b\nc\n"]


def test_a_failed_attempt_leaves_no_file(tmp_path: Path) -> None:
    def full(path: Path) -> int:
        path.touch()
        return os.open("/dev/full", os.O_WRONLY)

    log = tail(tmp_path, full)

    with pytest.raises(OSError, match="No space"):
        log.renew([b"a\n"])

    assert contents(tmp_path) == []
