from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.reader import Damage, follow, last_records, records, seq_of
from gateway.audit.writing.compression import compress
from tests.unit.audit.logs import line

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from gateway.audit.records.record import Record

NAMES = [f"01JD000000000000000000000{number}.jsonl" for number in range(4)]


def write(directory: Path, *contents: bytes) -> None:
    for name, content in zip(NAMES, contents, strict=False):
        (directory / name).write_bytes(content)


def seqs(found: Iterable[Record]) -> list[int]:
    return [seq_of(record) for record in found]


@pytest.mark.parametrize(
    ("wanted", "contents"),
    [
        ([], []),
        ([], [b""]),
        ([1, 2, 3], [line(1) + line(2), line(3)]),
        ([1, 2, 3], [line(1) + line(2)[:20], line(2) + line(3)]),
        ([1, 2, 3], [line(1) + line(2), line(1) + line(2) + line(3)]),
        ([1, 2, 3, 4], [line(1) + line(2) + line(3)[:-1], line(2), line(3) + line(4)]),
    ],
)
def test_every_record_comes_once_and_in_order(wanted: list[int], contents: list[bytes], tmp_path: Path) -> None:
    damage: list[Damage] = []
    write(tmp_path, *contents)

    assert wanted == seqs(records(tmp_path, on_damage=damage.append))
    assert damage == []


def test_damage_is_told_with_its_place(tmp_path: Path) -> None:
    damage: list[Damage] = []
    write(tmp_path, line(1) + b"edited\n" + line(3), line(7))

    assert seqs(records(tmp_path, on_damage=damage.append)) == [1, 3, 7]
    assert list(map(str, damage)) == [
        f"{tmp_path}/{NAMES[0]}:2: this line holds no record",
        f"{tmp_path}/{NAMES[0]}:3: record 2 is missing",
        f"{tmp_path}/{NAMES[1]}:1: records 4 to 6 are missing",
    ]


def test_a_log_whose_oldest_segments_were_removed_is_not_damaged(tmp_path: Path) -> None:
    damage: list[Damage] = []
    write(tmp_path, line(500) + line(501))

    assert (seqs(records(tmp_path, on_damage=damage.append)), damage) == ([500, 501], [])


def test_only_lines_that_hold_a_text_are_read(tmp_path: Path) -> None:
    damage: list[Damage] = []
    write(tmp_path, line(1, "a") + line(2, "needle") + line(3, "a") + line(4, "needle"))

    assert seqs(records(tmp_path, holding="needle", on_damage=damage.append)) == [2, 4]
    assert damage == []


@pytest.mark.parametrize(
    ("wanted", "count"), [([], 0), ([6], 1), ([4, 5, 6], 3), ([1, 2, 3, 4, 5, 6], 6), ([1, 2, 3, 4, 5, 6], 99)]
)
def test_the_newest_records_come_oldest_first(wanted: list[int], count: int, tmp_path: Path) -> None:
    write(tmp_path, line(1) + line(2) + line(3) + line(4), line(3) + line(4), line(5) + line(6))

    assert wanted == seqs(last_records(tmp_path, count))


def test_following_gives_what_comes_over_new_segments_and_torn_ends(tmp_path: Path) -> None:
    first, second, third = (tmp_path / name for name in NAMES[:3])
    coming = iter(
        [
            [(first, line(1) + line(2))],
            [(first, line(3)[:10])],
            [(first, line(3)[10:] + line(4)[:7])],
            [(second, line(4))],
            [(second, line(5)), (third, line(6))],
        ]
    )

    def pause() -> bool:
        step = next(coming, None)
        for path, content in step or ():
            append(path, content)
        return step is not None

    assert seqs(follow(tmp_path, 1, pause)) == [2, 3, 4, 5, 6]


def test_following_opens_no_segment_that_holds_nothing_new(tmp_path: Path) -> None:
    write(tmp_path, b"", line(2) + line(3), line(3) + line(4))
    (tmp_path / NAMES[0]).unlink()
    (tmp_path / NAMES[0]).mkdir()

    assert [seqs(follow(tmp_path, after, lambda: False)) for after in (1, 2, 4)] == [[2, 3, 4], [3, 4], []]
    with pytest.raises(IsADirectoryError):
        seqs(follow(tmp_path, 0, lambda: False))


def test_following_goes_on_behind_a_segment_that_was_removed(tmp_path: Path) -> None:
    write(tmp_path, line(1), b"", line(3))
    (tmp_path / NAMES[1]).unlink()
    (tmp_path / NAMES[1]).symlink_to("nowhere")

    assert seqs(follow(tmp_path, 0, lambda: False)) == [1, 3]


def append(path: Path, content: bytes) -> None:
    with path.open("ab") as file:
        file.write(content)


def test_following_goes_on_where_a_torn_end_was_cut_off(tmp_path: Path) -> None:
    """A gateway is killed in the middle of a line; the next one cuts that and writes shorter ones in its place."""
    path = tmp_path / NAMES[0]
    path.write_bytes(line(1))
    torn = line(2, "x" * 500)[:-20]
    coming = iter([torn, line(2) + line(3), line(4)])

    def pause() -> bool:
        piece = next(coming, None)
        if piece is not None:
            os.truncate(path, path.read_bytes().rfind(b"\n") + 1)
            append(path, piece)
        return piece is not None

    damage: list[Damage] = []
    assert seqs(follow(tmp_path, 0, pause, damage.append)) == [1, 2, 3, 4]
    assert damage == []


def test_a_compressed_segment_that_was_cut_is_told_with_the_way_out_and_the_next_one_read(tmp_path: Path) -> None:
    write(tmp_path, b"".join(line(seq) for seq in range(1, 9)), line(9))
    packed = compress(tmp_path / NAMES[0], lambda: True)
    packed.write_bytes(packed.read_bytes()[:-6])
    damage: list[Damage] = []

    found = seqs(records(tmp_path, on_damage=damage.append))

    assert found[-1] == 9
    assert str(damage[0]) == (
        f"{packed}:{len(found)}: cannot be read further: the compressed segment ends in the middle; "
        "put a copy of the file in its place"
    )
    assert seqs(last_records(tmp_path, 1)) == [9]
    told: list[Damage] = []
    assert seqs(follow(tmp_path, 0, lambda: False, told.append))[-1] == 9
    assert told[0] == damage[0]
