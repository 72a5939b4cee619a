from __future__ import annotations

import os
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
import zstandard

from gateway.audit.writing.compression import compress
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import Lock, Segment, open_lines, open_segment, prepare_directory, segments

if TYPE_CHECKING:
    from pathlib import Path

FIRST, SECOND = (f"01JD000000000000000000000{number}.jsonl" for number in (1, 2))


def test_segments_come_in_the_order_of_their_names_and_nothing_else_does(tmp_path: Path) -> None:
    for name in (SECOND, "notes.jsonl", f"{FIRST}.gz", ".lock", FIRST):
        (tmp_path / name).write_bytes(b"")

    assert [path.name for path in segments(tmp_path)] == [FIRST, SECOND]


def test_a_directory_that_was_open_to_others_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o777)

    prepare_directory(tmp_path)

    assert tmp_path.stat().st_mode & 0o777 == 0o700


def test_folders_on_the_way_are_private_too(tmp_path: Path) -> None:
    prepare_directory(tmp_path / "state" / "audit")

    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


def test_a_link_that_somebody_planted_is_not_written_through(tmp_path: Path) -> None:
    (tmp_path / "precious").write_bytes(b"precious")
    for name in (FIRST, ".lock"):
        (tmp_path / name).symlink_to(tmp_path / "precious")

    with pytest.raises(OSError, match="symbolic links"):
        open_segment(tmp_path / FIRST)
    with pytest.raises(AuditUnavailable, match="too many levels of symbolic links"):
        Lock(tmp_path).take()

    assert (tmp_path / "precious").read_bytes() == b"precious"


def test_the_lock_is_free_again_when_it_is_given_back(tmp_path: Path) -> None:
    first, second = Lock(tmp_path), Lock(tmp_path)
    first.take()
    with pytest.raises(AuditUnavailable, match=f"process {os.getpid()}"):
        second.take()
    first.give()

    second.take()
    second.give()


def test_a_segment_goes_on_where_it_ended(tmp_path: Path) -> None:
    for content in (b"one\n", b"two\n"):
        segment = Segment.open(tmp_path / FIRST, open_segment)
        segment.write([content])
        segment.sync()
        segment.close()

    assert (segment.size, (tmp_path / FIRST).read_bytes()) == (8, b"one\ntwo\n")


def test_a_segment_that_cannot_be_opened_leaks_no_descriptor(tmp_path: Path) -> None:
    before = len(os.listdir("/proc/self/fd"))  # noqa: PTH208 - the entries are links to what is open, not paths

    def opener(path: Path) -> int:
        descriptor = open_segment(path)
        path.unlink()
        path.parent.rmdir()
        return descriptor

    (tmp_path / "gone").mkdir()
    with pytest.raises(OSError, match="No such file"):
        Segment.open(tmp_path / "gone" / FIRST, opener)

    assert len(os.listdir("/proc/self/fd")) == before  # noqa: PTH208 - as above


def read(path: Path) -> bytes:
    with open_lines(path) as file:
        return file.read()


@pytest.fixture
def packed(tmp_path: Path) -> Path:
    (tmp_path / FIRST).write_bytes(b"".join(b"record %d\n" % number for number in range(200)))
    return compress(tmp_path / FIRST, lambda: True)


def test_a_compressed_segment_that_was_cut_anywhere_is_never_read_as_whole(packed: Path) -> None:
    data = packed.read_bytes()
    for length in range(len(data)):
        packed.write_bytes(data[:length])
        with pytest.raises(OSError, match="the compressed segment ends in the middle"):
            read(packed)


def test_a_bit_that_fell_over_in_a_compressed_segment_is_an_error_or_changes_nothing(packed: Path) -> None:
    data, whole = packed.read_bytes(), read(packed)
    harmless = []
    for at in range(len(data)):
        packed.write_bytes(data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :])
        with suppress(OSError):
            assert read(packed) == whole
            harmless.append(at)

    assert len(harmless) < 3


def test_what_stands_behind_a_frame_is_another_frame_or_damage(packed: Path) -> None:
    data, whole, more = packed.read_bytes(), read(packed), b"x" * 100_000
    for behind, wanted in ((data, whole * 2), (zstandard.ZstdCompressor().compress(more), whole + more)):
        packed.write_bytes(data + behind)
        assert read(packed) == wanted

    packed.write_bytes(data + b"no frame")
    with pytest.raises(OSError, match="the compressed segment is damaged"):
        read(packed)
