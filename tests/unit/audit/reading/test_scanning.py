from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.reader import Damage, records, seq_of
from gateway.audit.reading.scanning import Scan, within
from gateway.audit.writing.compression import compress
from tests.unit.audit.reading.made import at, decision, end, line, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ALL = Filter()
LINES = [line(decision(number, "deny" if number % 3 else "allow")) for number in range(1, 10)]


def seqs(scan: Scan) -> list[int]:
    return [json.loads(each)["seq"] for each in scan.lines()]


def joined(*numbers: int) -> bytes:
    return b"".join(LINES[number - 1] for number in numbers)


@pytest.mark.parametrize(
    "contents",
    [
        [],
        [b""],
        [joined(1, 2, 3), joined(4, 5)],
        [joined(1, 2) + LINES[2][:50], joined(3, 4)],
        [joined(1, 2, 3), joined(2, 3, 4)],
        [joined(1, 2, 3)[:-1], joined(3), joined(4)],
        [joined(4, 5), joined(6)],
        [joined(1, 2) + b"edited\n" + joined(4), joined(7)],
        [joined(1) + LINES[1].replace(b'"seq":2', b'"sec":2') + joined(3)],
        [joined(1) + b" " + joined(2, 3)],
        [b"\n\n" + joined(1)],
    ],
)
def test_the_quick_way_finds_what_the_careful_one_finds_and_tells_the_same(
    contents: list[bytes], tmp_path: Path
) -> None:
    write(tmp_path, *contents)
    quick: list[Damage] = []
    careful: list[Damage] = []

    assert seqs(Scan(tmp_path, ALL, quick.append)) == [
        seq_of(each) for each in records(tmp_path, on_damage=careful.append)
    ]
    assert quick == careful


def test_a_block_ends_anywhere_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(tmp_path, joined(1, 2, 3), joined(4, 5, 6, 7))
    for size in (1, 7, 1000, len(LINES[0]), len(LINES[0]) + 1):
        monkeypatch.setattr("gateway.audit.reading.scanning._BLOCK", size)
        assert seqs(Scan(tmp_path, Filter(verdict="deny"))) == [1, 2, 4, 5, 7], size


def test_lines_that_hold_every_text_are_found(tmp_path: Path) -> None:
    write(
        tmp_path, [decision(1, host="a.example"), decision(2, "allow", host="a.example"), decision(3, host="b.example")]
    )

    assert seqs(Scan(tmp_path, Filter(verdict="deny", host="a.example"))) == [1]
    assert seqs(Scan(tmp_path, Filter(host="c.example"))) == []


def test_hashes_are_counted_and_are_no_records(tmp_path: Path) -> None:
    pruned = b'{"v":1,"seq":2,"pruned":"' + b"0" * 64 + b'"}\n'
    write(tmp_path, joined(1) + pruned + joined(3), pruned.replace(b":2", b":4") + b"broken\n" + joined(5))
    damage: list[Damage] = []
    scan = Scan(tmp_path, ALL, damage.append)

    assert seqs(scan) == [1, 3, 5]
    assert (scan.pruned, scan.first, [each.message for each in damage]) == (2, 1, ["this line holds no record"])


def test_where_a_log_begins_is_known_when_it_was_read(tmp_path: Path) -> None:
    write(tmp_path, joined(4, 5))
    scan = Scan(tmp_path, ALL)

    assert (seqs(scan), scan.first) == ([4, 5], 4)


def test_compressed_segments_are_read_as_they_are(tmp_path: Path) -> None:
    first, _ = write(tmp_path, joined(1, 2, 3), joined(4, 5))
    compress(first, lambda: True)

    assert seqs(Scan(tmp_path, ALL)) == [1, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("wanted", "change"),
    [
        ("ends in the middle", lambda data: data[:60]),
        ("ends in the middle", lambda data: data[:0]),
        ("cannot be read further: the compressed segment is damaged", lambda data: data[:-1] + bytes([data[-1] ^ 1])),
        ("cannot be read further: the compressed segment is damaged", lambda data: b"\0" + data[1:]),
    ],
)
def test_a_damaged_compressed_segment_is_told_and_the_next_one_read(
    wanted: str, change: Callable[[bytes], bytes], tmp_path: Path
) -> None:
    first, _ = write(tmp_path, joined(1, 2, 3), joined(4, 5))
    packed = compress(first, lambda: True)
    packed.write_bytes(change(packed.read_bytes()))
    damage: list[Damage] = []

    assert seqs(Scan(tmp_path, ALL, damage.append))[-2:] == [4, 5]
    assert wanted in damage[0].message


def test_a_segment_that_goes_away_is_told(tmp_path: Path) -> None:
    first, second = write(tmp_path, joined(1), joined(2))
    damage: list[Damage] = []
    scan = Scan(tmp_path, ALL, damage.append, paths=[first, second])
    second.unlink()

    assert seqs(scan) == [1]
    assert [str(each) for each in damage] == [f"{second}:0: it was removed while the log was read"]


def test_times_are_looked_at_before_a_record_is_parsed(tmp_path: Path) -> None:
    write(tmp_path, joined(*range(1, 10)))

    assert seqs(Scan(tmp_path, Filter(since=at(3), until=at(6)))) == [3, 4, 5]


def test_segments_are_passed_over_by_the_time_in_their_names(tmp_path: Path) -> None:
    paths = write(tmp_path, [end(1, 1)], [end(1500, 1)], [end(3000, 1)])

    assert within(paths, None, None) == paths
    assert within(paths, at(2000), None) == paths[1:]
    assert within(paths, at(1200), None) == paths
    assert within(paths, at(4000), None) == paths[2:]
    assert within(paths, None, at(1000)) == paths[:1]
    assert within(paths, None, at(1200)) == paths[:2]


def test_progress_goes_up_to_everything(tmp_path: Path) -> None:
    compress(write(tmp_path, joined(1, 2), joined(3))[0], lambda: True)
    told: list[tuple[int, int]] = []
    list(Scan(tmp_path, ALL, on_progress=lambda done, size: told.append((done, size))).lines())

    assert told == sorted(told)
    assert {size for _, size in told} == {told[-1][0]}


def test_a_walk_can_begin_within_a_segment(tmp_path: Path) -> None:
    (path,) = write(tmp_path, joined(1, 2, 3))

    assert seqs(Scan(tmp_path, ALL, paths=[path], skip=10)) == [2, 3]
