from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.reading.exchanges import Exchanges, starts
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.reader import Damage, ignore_damage, records
from gateway.audit.reading.scanning import Scan
from gateway.audit.records.events import start_record
from gateway.audit.writing.compression import compress
from tests.unit.audit.reading.made import decision, end, name, write
from tests.unit.audit.samples import NOW, SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

type Record = dict[str, Any]


def at(hour: float) -> str:
    """A moment of a long day, in hours since it began."""
    day, rest = divmod(round(hour * 3600), 86400)
    return f"2026-11-{20 + day:02}T{rest // 3600:02}:{rest // 60 % 60:02}:{rest % 60:02}.000000Z"


def decided(number: int, hour: float, **more: Any) -> Record:
    return decision(number, "allow", top={"time": at(hour), **more})


def ended(number: int, of: int, hour: float) -> Record:
    return end(number, of, time=at(hour))


def started(number: int, hour: float, *listeners: str) -> Record:
    record = start_record(version="1", engine="x", listeners=list(listeners), configuration=None, now=NOW)
    return {"v": 1, "seq": number} | record | {"time": at(hour)}


def found(
    log: Path,
    since: float | None = None,
    until: float | None = None,
    wanted: Callable[[Record], bool] = lambda _: True,
    on_damage: Callable[[Damage], None] = ignore_damage,
) -> list[int]:
    scan = Scan(log, Filter(), on_damage)
    walk = Exchanges(scan, None if since is None else at(since), None if until is None else at(until), wanted)
    return [record["seq"] for record in walk.records()]


def slowly(log: Path, since: float, until: float) -> list[int]:
    """The same by reading every record of the log."""
    opened: set[object] = set()
    chosen: list[int] = []
    for record in records(log):
        match record:
            case {"event": "decision", "time": str(time), "id": identifier} if at(since) <= time < at(until):
                opened.add(identifier)
            case {"event": "end", "id": identifier} if identifier in opened:
                opened.discard(identifier)
            case {"event": "start"}:
                opened.clear()
                continue
            case _:
                continue
        chosen.append(int(str(record["seq"])))
    return chosen


def test_decisions_come_with_their_ends_and_nothing_else_does(tmp_path: Path) -> None:
    other = {"v": 1, "seq": 3} | SAMPLES["policy"] | {"time": at(1)}
    write(tmp_path, [decided(1, 1), decided(2, 1), other, ended(4, 2, 1), ended(5, 9, 1), ended(6, 1, 1)])

    assert found(tmp_path) == [1, 2, 4, 6]
    assert found(tmp_path, wanted=lambda record: record["id"] == name(2)) == [2, 4]


@pytest.mark.parametrize(
    ("seqs", "since", "until"),
    [
        ([1, 3, 2, 4, 6], None, None),
        ([2, 4, 6], 6, None),
        ([1, 3], None, 6),
        ([2, 6], 6, 12),
        ([4], 12, 13),
        ([], 13, None),
        ([], None, 1),
    ],
)
def test_an_end_is_found_in_whatever_segment_it_stands(
    seqs: list[int], since: float | None, until: float | None, tmp_path: Path
) -> None:
    first, second, third = [decided(1, 1)], [decided(2, 6), ended(3, 1, 7)], [decided(4, 12), ended(6, 2, 20)]
    third.insert(1, {"v": 1, "seq": 5} | SAMPLES["heartbeat"] | {"time": at(13)})
    paths = write(tmp_path, first, second, third)
    compress(paths[0], lambda: True)
    compress(paths[1], lambda: True)

    assert sorted(found(tmp_path, since, until)) == sorted(seqs)


def test_segments_before_the_span_and_those_after_its_last_end_are_not_read(tmp_path: Path) -> None:
    one, two, three, four = write(
        tmp_path, [decided(1, 1)], [decided(2, 6), decided(3, 8)], [ended(4, 3, 12)], [decided(5, 18)]
    )
    one.write_bytes(b"unreadable\n")
    four.write_bytes(b"unreadable\n")
    damage: list[Damage] = []

    assert found(tmp_path, 7.5, 9, on_damage=damage.append) == [3, 4]
    assert damage == []
    assert found(tmp_path, 11, None, on_damage=damage.append) == []
    assert [each.segment for each in damage] == [four]
    assert {one, two, three} & {each.segment for each in damage} == set()


def test_a_clock_that_was_set_back_hides_nothing(tmp_path: Path) -> None:
    """The second segment has the name of its time; the clock went back half an hour within it."""
    write(tmp_path, [decided(1, 5)], [decided(2, 6), decided(3, 5.5), ended(4, 3, 5.5), ended(5, 2, 5.6)])

    assert found(tmp_path, 5.4, 5.8) == [3, 4]
    assert found(tmp_path, 5.9, 7) == [2, 5], "the end is older than the decision"
    assert found(tmp_path, 5, 5.2) == [1]


def test_what_was_open_when_a_gateway_started_has_no_end(tmp_path: Path) -> None:
    write(tmp_path, [decided(1, 1)], [started(2, 6), decided(3, 6)], [ended(4, 1, 12), ended(5, 3, 12)])

    assert found(tmp_path) == [1, 3, 5]


def test_records_that_another_writer_wrote_in_its_own_way_are_found_too(tmp_path: Path) -> None:
    told = [decided(1, 1), decided(2, 6), ended(3, 2, 6), started(4, 6), ended(5, 1, 6)]
    (path,) = write(tmp_path, told)
    path.write_text("".join(json.dumps(each) + "\n" for each in told), "utf-8")

    assert found(tmp_path) == [1, 2, 3]
    assert found(tmp_path, 5, 7) == [2, 3]


def test_a_log_without_records_has_no_exchanges(tmp_path: Path) -> None:
    assert found(tmp_path) == []
    assert list(starts(tmp_path, at(1), at(2))) == []


@st.composite
def _logs(draw: st.DrawFn) -> list[list[Record]]:
    """Segments of up to three days of traffic, some of which ends late, or never."""
    hour, opened, segments = 0.0, [1], [list[Record]()]
    for number in range(1, draw(st.integers(2, 30))):
        hour += draw(st.floats(0, 2))
        if segments[-1] and draw(st.integers(0, 4)) == 0:
            segments.append([])
        match draw(st.sampled_from(["decision", "end", "end", "start"])):
            case "decision":
                opened.append(number)
                segments[-1].append(decided(number, hour))
            case "end":
                segments[-1].append(ended(number, draw(st.sampled_from(opened)), hour))
            case _:
                segments[-1].append(started(number, hour))
    return segments


@given(segments=_logs(), span=st.tuples(st.floats(0, 60), st.floats(0, 60)).map(sorted))
def test_the_quick_way_finds_what_the_slow_one_finds(
    segments: list[list[Record]], span: list[float], tmp_path_factory: pytest.TempPathFactory
) -> None:
    log = tmp_path_factory.mktemp("log")
    write(log, *segments)

    since, until = span
    assert found(log, since, until) == slowly(log, since, until)


def test_the_gateways_of_a_span_are_the_last_before_it_and_those_in_it(tmp_path: Path) -> None:
    write(
        tmp_path,
        [started(1, 0, "a"), started(2, 1, "b"), decided(3, 2)],
        [decided(4, 6), started(5, 7, "c")],
        [started(6, 12, "d")],
    )

    def named(since: float | None, until: float | None) -> list[object]:
        span = (None if since is None else at(since), None if until is None else at(until))
        return [each["listeners"] for each in starts(tmp_path, *span)]

    assert named(None, None) == [["a"], ["b"], ["c"], ["d"]]
    assert named(5, 8) == [["b"], ["c"]]
    assert named(8, None) == [["c"], ["d"]]
    assert named(0, 0.5) == [["a"]]
