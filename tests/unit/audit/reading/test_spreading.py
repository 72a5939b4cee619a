from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from gateway.audit.reading.counting import tally, top
from gateway.audit.reading.figures import figures
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.reader import Damage, ignore_damage
from gateway.audit.reading.scanning import Scan
from gateway.audit.reading.spreading import PART, spread
from gateway.audit.writing.compression import compress
from tests.unit.audit.reading.made import at, decision, end, line, write

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.reading.counting import Tally

EVERYTHING = Filter()
RECORDS = [
    decision(number, "deny" if number % 3 else "allow", host=f"h{number % 7}.example")
    if number % 2
    else end(number, number - 1)
    for number in range(1, 60)
]
SMALL = 2000


def lines(scan: Scan) -> list[bytes]:
    return list(scan.lines())


def asked(log: Path, size: int = SMALL, wanted: Filter = EVERYTHING) -> tuple[list[list[bytes]], Scan, list[Damage]]:
    """The answers of the parts, the scan, and the damage that was told."""
    damage: list[Damage] = []
    scan = Scan(log, wanted, damage.append)
    return list(spread(scan, lines, size=size, workers=2)), scan, damage


@pytest.mark.parametrize("size", [400, 1000, 5000, 20_000])
@pytest.mark.parametrize("wanted", [EVERYTHING, Filter(verdict="deny"), Filter(since=at(20), until=at(40))])
def test_the_parts_together_are_what_one_scan_finds(size: int, wanted: Filter, tmp_path: Path) -> None:
    paths = write(tmp_path, RECORDS[:20], RECORDS[20:50], RECORDS[50:])
    compress(paths[0], lambda: True)

    found, scan, damage = asked(tmp_path, size, wanted)

    assert [each for part in found for each in part] == lines(Scan(tmp_path, wanted))
    assert len(found) > 1
    assert (scan.first, damage) == (1, [])


def test_a_small_log_is_read_by_one_process(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)

    assert len(asked(tmp_path, PART)[0]) == 1
    assert len(list(spread(Scan(tmp_path, EVERYTHING), lines, size=SMALL, workers=1))) == 1
    assert asked(tmp_path / "nowhere")[0] == [[]]


@pytest.mark.parametrize(
    ("contents", "told"),
    [
        ([RECORDS[:20], RECORDS[22:]], ["records 21 to 22 are missing"]),
        ([RECORDS[:20], RECORDS[18:]], []),
        ([RECORDS[:20], b"edited\n" + b"".join(map(line, RECORDS[20:]))], ["this line holds no record"]),
        ([b"".join(map(line, RECORDS[:20])) + b'{"v":1,"seq":21,"ti', RECORDS[20:]], []),
    ],
    ids=["missing", "twice", "edited", "torn"],
)
def test_what_only_the_whole_log_shows_is_told_as_one_process_would(
    contents: list[list[dict[str, object]] | bytes], told: list[str], tmp_path: Path
) -> None:
    write(tmp_path, *contents)
    alone: list[Damage] = []

    found, _, damage = asked(tmp_path)

    assert [each for part in found for each in part] == lines(Scan(tmp_path, EVERYTHING, alone.append))
    assert [each.message for each in damage] == told
    assert damage == alone


def test_the_beginning_of_a_log_and_its_hashes_are_counted(tmp_path: Path) -> None:
    pruned = b"".join(b'{"v":1,"seq":%d,"pruned":"%b"}\n' % (number, b"0" * 64) for number in (8, 9, 10))
    write(tmp_path, pruned + b"".join(map(line, RECORDS[10:40])), RECORDS[40:])

    found, scan, _ = asked(tmp_path)

    assert len(found) > 1
    assert (scan.first, scan.pruned) == (8, 3)


def test_it_is_told_how_many_parts_are_done(tmp_path: Path) -> None:
    write(tmp_path, RECORDS)
    told: list[tuple[int, int]] = []

    list(spread(Scan(tmp_path, EVERYTHING, ignore_damage, lambda *how: told.append(how)), lines, size=SMALL, workers=2))

    parts = told[-1][1]
    assert told == [(done, parts) for done in range(1, parts + 1)]


def test_where_no_process_can_be_started_there_is_still_an_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path, RECORDS)

    def refused(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr("concurrent.futures.process.ProcessPoolExecutor", refused)

    assert asked(tmp_path)[0] == [lines(Scan(tmp_path, EVERYTHING))]


@pytest.mark.parametrize("by", ["host", "client", "rule"])
def test_counts_of_parts_are_those_of_the_whole(by: str, tmp_path: Path, in_parts: Callable[[], None]) -> None:
    write(tmp_path, RECORDS)
    whole = tally(Scan(tmp_path, Filter(verdict="deny")), by)
    one = top(Scan(tmp_path, Filter(verdict="deny")), by, 3), figures(Scan(tmp_path, EVERYTHING), EVERYTHING, "hour")

    in_parts()

    parts: list[Tally] = list(spread(Scan(tmp_path, Filter(verdict="deny")), partial(tally, by=by)))
    assert len(parts) > 1
    assert sum(sum(each.counts.values()) for each in parts) == sum(whole.counts.values())
    assert one == (
        top(Scan(tmp_path, Filter(verdict="deny")), by, 3),
        figures(Scan(tmp_path, EVERYTHING), EVERYTHING, "hour"),
    )


@pytest.fixture
def in_parts(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Makes every log a large one, on a machine with two processors."""

    def make() -> None:
        monkeypatch.setattr(spread, "__kwdefaults__", {"size": SMALL, "workers": 2})

    return make
