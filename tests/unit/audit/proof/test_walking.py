from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.findings import Place, Report
from gateway.audit.proof.reading import leaf_of
from gateway.audit.proof.walking import Walk
from tests.unit.audit.logs import line
from tests.unit.audit.proof.proved import said

if TYPE_CHECKING:
    from pathlib import Path

A, B = "01JD7N5M4Q0000000000000000.jsonl", "01JD7N5M4R0000000000000000.jsonl"


class Tour:
    """One walk over segments made of these lines, up to a tree of `signed` records."""

    def __init__(self, folder: Path, *segments: list[bytes], signed: int = 5) -> None:
        for name, lines in zip((A, B), segments, strict=False):
            (folder / name).write_bytes(b"".join(lines))
        self.report = Report()
        self.own: list[int] = []
        self.walk = Walk(folder, self.report, lambda seq, _: self.own.append(seq), signed)
        self.steps = list(self.walk.steps())
        self.report.last = self.walk.seq

    @property
    def numbers(self) -> list[int]:
        return [seq for seq, leaf, _ in self.steps if leaf is not None]

    @property
    def findings(self) -> list[str]:
        return said(self.report)


def test_every_number_has_its_leaf_and_its_place(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(2)], [line(3)])

    assert tour.steps == [
        (1, leaf_of(line(1)), Place(A, 1)),
        (2, leaf_of(line(2)), Place(A, 2)),
        (3, leaf_of(line(3)), Place(B, 1)),
    ]
    assert (tour.report.records, tour.walk.seq, tour.findings, tour.report.notes) == (3, 3, [], [])


@pytest.mark.parametrize(
    ("findings", "numbers", "lines"),
    [
        ([f"{A}:2: record 2: is missing, record 3 stands in its place"], [1, 3, 4], [1, 3, 4]),
        ([f"{A}:2: record 2: to 3 are missing, record 4 stands in its place"], [1, 4], [1, 4]),
        ([f"{A}:2: record 1: record 1 stands here, where 2 was to be"], [1, 2], [1, 1, 2]),
        (
            [
                f"{A}:2: record 2: record 3 stands here, where 2 was to be",
                f"{A}:4: record 3: is missing, record 4 stands in its place",
            ],
            [1, 2, 4],
            [1, 3, 2, 4],
        ),
        ([f"{A}:2: record 2: this line says that it is record 999"], [1, 2, 3], [1, 999, 3]),
        ([f"{A}:2: record 2: a line that holds no record stands here, where 2 was to be"], [1, 2], [1, None, 2]),
        ([f"{A}:2: record 2: this line holds no record"], [1, 2, 3], [1, None, 3]),
    ],
)
def test_what_is_out_of_line_is_named_with_its_place(
    findings: list[str], numbers: list[int], lines: list[int | None], tmp_path: Path
) -> None:
    tour = Tour(tmp_path, [b"rubbish\n" if seq is None else line(seq) for seq in lines])

    assert tour.findings == findings
    assert tour.numbers == numbers


def test_a_number_that_is_too_great_to_be_true_holds_nothing_up(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(10**17)], signed=3)

    assert [seq for seq, leaf, _ in tour.steps if leaf is None] == [2, 3]
    assert len(tour.findings) == 1


def test_what_was_written_again_after_a_failure_is_no_finding(tmp_path: Path) -> None:
    torn = line(4)[:20]
    tour = Tour(tmp_path, [line(1), line(2), line(3), torn], [line(2), line(3), line(4), line(5)])

    assert tour.findings == []
    assert tour.numbers == [1, 2, 3, 4, 5]
    assert tour.report.notes == [f"{B}:1: records from 2 on stand here again, after a failure of the disk"]


def test_what_was_written_again_has_to_be_the_same(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(2), line(3)], [line(2), line(3, "another"), line(4)])

    assert tour.findings == [f"{B}:2: record 3: is told a second time, and differs from the first time"]


def test_a_torn_line_has_to_be_the_beginning_of_what_follows(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(2, "another")[:-3]], [line(2)])

    assert tour.findings == [f"{A}:2: record 2: this line is torn, and is not what was written again"]


def test_a_line_that_lost_its_end_is_found_in_the_middle_of_a_log(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(2)[:-1]], [line(3), line(4)])

    assert tour.findings[0] == f"{A}:2: record 2: this line is not whole, and was not written again"


def test_a_torn_end_of_the_log_is_only_noted(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(1), line(2)[:-1]])

    assert tour.findings == []
    assert tour.report.notes == [f"{A}:2: the last line is not whole: it is being written, or was torn"]


def test_a_segment_that_is_packed_wrongly_is_a_finding(tmp_path: Path) -> None:
    (tmp_path / f"{B}.zst").write_bytes(b"\x28\xb5\x2f\xfd rubbish")

    tour = Tour(tmp_path, [line(1)])

    assert len(tour.findings) == 1
    assert tour.findings[0].startswith(f"{B}.zst: record 2: the compressed segment is damaged")


def test_a_segment_that_cannot_be_read_is_an_error(tmp_path: Path) -> None:
    (tmp_path / A).mkdir()

    with pytest.raises(IsADirectoryError):
        Tour(tmp_path)


def test_records_about_keys_and_retention_are_handed_on(tmp_path: Path) -> None:
    key = b'{"v":1,"seq":2,"time":"x","event":"key"}\n'
    retention = b'{"v":1,"seq":3,"time":"x","event":"retention"}\n'

    assert Tour(tmp_path, [line(1), key, retention, line(4)]).own == [2, 3]


def test_what_is_left_of_removed_records_is_gathered_in_spans(tmp_path: Path) -> None:
    left = [b'{"v":1,"seq":%d,"pruned":"%b"}\n' % (seq, leaf_of(line(seq)).hex().encode()) for seq in range(1, 5)]
    tour = Tour(tmp_path, [left[0], left[1], line(3), left[3]])

    assert [(each.first, each.last, each.place.line) for each in tour.walk.pruned] == [(1, 2, 1), (4, 4, 4)]
    assert [leaf for _, leaf, _ in tour.steps] == [leaf_of(line(seq)) for seq in range(1, 5)]


def test_a_log_that_does_not_begin_with_its_first_record_says_where_it_begins(tmp_path: Path) -> None:
    tour = Tour(tmp_path, [line(4), line(5)])

    assert (tour.walk.first, tour.findings) == (4, [])
    assert [seq for seq, leaf, _ in tour.steps if leaf is None] == [1, 2, 3]
