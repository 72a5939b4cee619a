from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.compression import compress
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.recovery import LogEnd, damage_record, last_record, parse_line, recover
from tests.unit.audit.logs import line

if TYPE_CHECKING:
    from pathlib import Path

NAMES = [f"01JD000000000000000000000{number}.jsonl" for number in range(3)]


@pytest.mark.parametrize(
    ("seq", "tail"),
    [
        (2, b""),
        (2, b"{"),
        (2, line(3)[:-1]),
        (2, b"\0" * 10_000),
        (2, b"\0\n\n{}\n[]\n7\n"),
        (2, b'{"seq":true}\n{"seq":"3"}\n'),
        (2, b"x" * 300_000 + b"\n" + b"y" * 70_000),
    ],
)
def test_the_last_record_is_the_last_whole_line_that_holds_one(seq: int, tail: bytes, tmp_path: Path) -> None:
    whole = line(1) + line(2)
    (tmp_path / "segment").write_bytes(whole + tail)

    assert last_record(tmp_path / "segment") == (seq, len(whole))


@pytest.mark.parametrize("content", [b"", b"\n", b"no record\n", line(1)[:-1], b"\0" * 200_000])
def test_a_segment_without_a_record_ends_where_it_begins(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "segment").write_bytes(content)

    assert last_record(tmp_path / "segment") == (0, 0)


def test_records_longer_than_the_first_look_are_found(tmp_path: Path) -> None:
    long = [line(seq, "x" * 150_000) for seq in (1, 2, 3)]
    (tmp_path / "segment").write_bytes(b"".join(long))

    assert last_record(tmp_path / "segment") == (3, sum(map(len, long)))


def test_no_log_has_no_end(tmp_path: Path) -> None:
    assert recover(tmp_path) == LogEnd(0, None, 0)


def test_only_the_last_segment_is_cut(tmp_path: Path) -> None:
    first, last = (tmp_path / name for name in NAMES[:2])
    first.write_bytes(line(1) + b"torn by a failure")
    last.write_bytes(line(2) + b"torn by a crash")

    assert recover(tmp_path) == LogEnd(2, last, 15)
    assert (first.read_bytes(), last.read_bytes()) == (line(1) + b"torn by a failure", line(2))


def test_the_greatest_number_counts_wherever_it_stands(tmp_path: Path) -> None:
    """A failure can leave records 1 and 2 in a sealed segment, and a crash then only 1 in the new one."""
    for name, content in zip(NAMES, (line(1) + line(2), line(1), b""), strict=True):
        (tmp_path / name).write_bytes(content)

    assert recover(tmp_path) == LogEnd(2, tmp_path / NAMES[2], 0)


@pytest.mark.parametrize("text", [b"", b"{", b"[1]", b"7", b'{"v":1}', b'{"seq":null}', b'{"seq":1.0}', b"\xff"])
def test_what_holds_no_record_is_none(text: bytes) -> None:
    assert parse_line(text) is None


def cut_in_the_middle(path: Path) -> Path:
    """A segment that is compressed, and lost its last bytes."""
    packed = compress(path, lambda: True)
    packed.write_bytes(packed.read_bytes()[:-6])
    return packed


def test_a_damaged_compressed_segment_is_never_taken_for_whole(tmp_path: Path) -> None:
    first, second = (tmp_path / name for name in NAMES[:2])
    first.write_bytes(line(1) + line(2))
    packed = cut_in_the_middle(first)
    assert recover(tmp_path) == LogEnd(0, packed, 0, damaged=packed, open_end=True)

    second.write_bytes(line(3))
    assert recover(tmp_path) == LogEnd(3, second, 0, damaged=packed, open_end=False)


@pytest.mark.parametrize(("open_end", "taken"), [(False, 0), (False, 9), (True, 6)])
def test_damage_is_recorded_where_the_numbers_are_known(open_end: bool, taken: int, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    path = tmp_path / NAMES[0]
    record = damage_record(LogEnd(5, path, 0, path, open_end), path, taken, 0.0)

    assert (record["event"], record["reason"]) == ("gap", "segment-damaged")
    assert record["detail"] == f"`{NAMES[0]}` cannot be read to its end: put a copy of it in its place"


@pytest.mark.parametrize("taken", [0, 4, 5])
def test_where_nobody_knows_which_numbers_were_given_nothing_starts(taken: int, tmp_path: Path) -> None:
    path = tmp_path / NAMES[0]

    with pytest.raises(
        AuditUnavailable, match="is damaged behind record 5, and nothing says how many there were: put a copy"
    ):
        damage_record(LogEnd(5, path, 0, path, open_end=True), path, taken, 0.0)
