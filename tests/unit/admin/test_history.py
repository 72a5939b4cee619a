from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import zstandard

from gateway.admin.history import Tail, page
from gateway.audit.reading.filters import Filter
from tests.unit.admin.logs import decision, write

if TYPE_CHECKING:
    from pathlib import Path

ANY = Filter(event="decision")


def numbers(directory: Path, before: int | None, limit: int, wanted: Filter = ANY) -> tuple[list[int], int | None]:
    found = page(directory, wanted, before, limit)
    return [each["seq"] for each in found.records], found.next


def behind(tail: Tail) -> list[int]:
    """The numbers of what a tail has to give now; it is closed then."""
    found = [seq for seq, _ in tail.lines()]
    tail.close()
    return found


@pytest.fixture
def log(tmp_path: Path) -> Path:
    """Nine decisions in three segments; the last one of the second was written again into the third."""
    write(
        tmp_path / "audit",
        [decision(each) for each in (1, 2, 3)],
        [decision(each, host="y.example") for each in (4, 5, 6)],
        [decision(each) for each in (6, 7, 8, 9)],
    )
    return tmp_path / "audit"


def test_pages_follow_each_other_from_the_newest_to_the_oldest_over_all_segments(log: Path) -> None:
    assert numbers(log, None, 4) == ([9, 8, 7, 6], 6)
    assert numbers(log, 6, 4) == ([5, 4, 3, 2], 2)
    assert numbers(log, 2, 4) == ([1], None)
    assert numbers(log, 1, 4) == ([], None)


def test_a_filter_is_met_and_what_is_damaged_passed_over(log: Path) -> None:
    last = max(log.iterdir())
    last.write_bytes(last.read_bytes() + b"no record\n" + decision(10)[:40])

    assert numbers(log, None, 10, Filter(event="decision", host="y.example")) == ([5, 4], None)
    assert numbers(log, None, 2) == ([9, 8], 8)


def test_compressed_segments_are_read_too(log: Path) -> None:
    first = min(log.iterdir())
    first.with_name(f"{first.name}.zst").write_bytes(zstandard.compress(first.read_bytes()))
    first.unlink()

    assert numbers(log, 5, 3) == ([4, 3, 2], 2)
    assert numbers(log, 2, 3) == ([1], None)


def test_a_page_reads_so_much_and_says_where_to_go_on(log: Path) -> None:
    found = page(log, Filter(event="decision", host="nowhere.example"), None, 5, most_bytes=1000)

    assert found.records == []
    assert found.next is not None
    assert 4 < found.next < 9


def test_a_place_deep_in_a_large_segment_is_found(tmp_path: Path) -> None:
    write(tmp_path / "audit", [decision(each) for each in range(1, 12_001)])

    assert numbers(tmp_path / "audit", 5000, 3) == ([4999, 4998, 4997], 4997)
    assert behind(Tail(tmp_path / "audit", 11_998)) == [11_999, 12_000]


def test_a_tail_gives_what_comes_once_and_in_order_also_over_segments(log: Path) -> None:
    tail, end = Tail(log, 4), Tail.from_the_end(log)

    assert [seq for seq, _ in tail.lines()] == [5, 6, 7, 8, 9]
    assert tail.lines() == end.lines() == []
    last = max(log.iterdir())
    with last.open("ab") as file:
        file.write(decision(10) + decision(11)[:30])
    assert [seq for seq, _ in tail.lines()] == [seq for seq, _ in end.lines()] == [10]
    with last.open("ab") as file:
        file.write(decision(11)[30:])
    assert [seq for seq, _ in tail.lines()] == [11]
    (last.parent / f"7{'Z' * 25}.jsonl").write_bytes(decision(12))
    assert behind(tail) == [12]
    end.close()


def test_figures_begin_so_far_before_the_end(log: Path) -> None:
    assert behind(Tail.over_the_last(log, 10_000)) == [6, 7, 8, 9]
    assert behind(Tail.over_the_last(log, len(decision(9)) + 10)) == [9]


def test_a_log_that_is_not_there_yet_is_waited_for(tmp_path: Path) -> None:
    tail = Tail.over_the_last(tmp_path / "audit", 10)

    assert tail.lines() == []
    write(tmp_path / "audit", [decision(1)])
    assert [seq for seq, _ in tail.lines()] == [1]
    tail.close()
