from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.cursors import Position
from gateway.audit.export.feed import Batch, End, Feed
from gateway.audit.writing.compression import compress
from tests.unit.audit.export.logged import LOG, line, pruned, segment

if TYPE_CHECKING:
    from pathlib import Path


def all_of(feed: Feed) -> list[Batch]:
    """Every batch there is now."""
    found: list[Batch] = []
    position = None
    while (batch := feed.next()).after != position:
        found.append(batch)
        position = batch.after
    return found


def seqs(batches: list[Batch]) -> list[int]:
    """The numbers in batches."""
    return [seq for batch in batches for seq, _ in batch.lines]


def test_batches_go_over_all_segments_whatever_their_form(tmp_path: Path) -> None:
    segment(tmp_path, map(line, range(1, 8)), packed=True)
    segment(tmp_path, map(line, range(8, 15)))
    last = segment(tmp_path, map(line, range(15, 21)))
    batches = all_of(Feed(tmp_path, Position(LOG), most=4))

    assert seqs(batches) == list(range(1, 21))
    assert [len(batch.lines) for batch in batches] == [4, 4, 4, 4, 4]
    assert batches[-1].after == Position(LOG, 20, last.name.partition(".")[0])
    assert batches[0].lines[0][1] + b"\n" == line(1)


def test_a_batch_is_bounded_in_bytes(tmp_path: Path) -> None:
    segment(tmp_path, [line(seq, text="x" * 1000) for seq in range(1, 11)])

    assert [len(batch.lines) for batch in all_of(Feed(tmp_path, Position(LOG), most_bytes=3000))] == [3, 3, 3, 1]


@pytest.mark.parametrize("start", range(13))
def test_a_feed_goes_on_behind_any_position(start: int, tmp_path: Path) -> None:
    paths = [segment(tmp_path, map(line, range(1 + at, 5 + at)), packed=at == 4) for at in (0, 4, 8)]
    name = paths[max(0, start - 1) // 4].name.partition(".")[0]

    assert seqs(all_of(Feed(tmp_path, Position(LOG, start, name)))) == list(range(start + 1, 13))


def test_a_log_that_grows_is_followed_through_rotation_and_compression(tmp_path: Path) -> None:
    first = segment(tmp_path, [line(1)])
    feed = Feed(tmp_path, Position(LOG))
    assert seqs([feed.next(), feed.next()]) == [1]

    with first.open("ab") as file:
        file.write(line(2) + line(3)[:9])
    assert seqs([feed.next()]) == [2]
    with first.open("ab") as file:
        file.write(line(3)[9:])
    second = segment(tmp_path, [line(4)])
    compress(first, lambda: True)
    third = segment(tmp_path, [line(5)])
    compress(second, lambda: True)

    assert seqs(all_of(feed)) == [3, 4, 5]
    third.unlink()
    segment(tmp_path, [line(6)])
    assert seqs(all_of(feed)) == [6]
    feed.close()


def test_a_number_that_was_written_twice_comes_once(tmp_path: Path) -> None:
    """After a failure of the disk the writer writes unsynced lines again into the next segment."""
    segment(tmp_path, [line(1), line(2), line(3)])
    segment(tmp_path, [line(2), line(3), line(4)])

    batches = all_of(Feed(tmp_path, Position(LOG)))
    assert (seqs(batches), [batch.missing for batch in batches]) == ([1, 2, 3, 4], [0])


def test_what_was_removed_is_counted_for_who_was_there_before(tmp_path: Path) -> None:
    segment(tmp_path, [line(5), pruned(6), pruned(7), line(8)], packed=True)

    assert [batch.missing for batch in all_of(Feed(tmp_path, Position(LOG, 2)))] == [4]
    assert [batch.missing for batch in all_of(Feed(tmp_path, Position(LOG)))] == [0]


def test_a_new_exporter_misses_what_goes_after_it_has_caught_up(tmp_path: Path) -> None:
    segment(tmp_path, [pruned(1), line(2)])
    feed = Feed(tmp_path, Position(LOG))
    assert [batch.missing for batch in all_of(feed)] == [0]
    segment(tmp_path, [line(5)])

    assert [batch.missing for batch in all_of(feed)] == [2]


def test_a_segment_of_nothing_but_removed_records_moves_the_position(tmp_path: Path) -> None:
    path = segment(tmp_path, [pruned(1), pruned(2)])

    assert Feed(tmp_path, Position(LOG)).next() == Batch((), Position(LOG, 2, path.name.partition(".")[0]), 0)


def test_damage_is_passed_over_and_what_it_held_is_missing(tmp_path: Path) -> None:
    segment(tmp_path, [line(1), b"garbage\n", line(3)])
    damaged = segment(
        tmp_path, [line(4), *(line(seq, text=f"{seq * 7919:x}" * 40) for seq in range(5, 900))], packed=True
    )
    data = damaged.read_bytes()
    damaged.write_bytes(data[: len(data) // 2] + b"\0" * 40)
    segment(tmp_path, [line(900)])

    batches = all_of(Feed(tmp_path, Position(LOG, 1)))
    found = seqs(batches)
    assert (found[0], found[-1]) == (3, 900)
    assert sum(batch.missing for batch in batches) == 899 - len(found)


def test_an_empty_log_has_nothing(tmp_path: Path) -> None:
    assert Feed(tmp_path, Position(LOG)).next() == Batch((), Position(LOG))
    segment(tmp_path, [])
    assert Feed(tmp_path, Position(LOG)).next() == Batch((), Position(LOG))


def test_the_end_of_a_log_is_known(tmp_path: Path) -> None:
    end = End(tmp_path)
    assert end.seq() == 0
    first = segment(tmp_path, [line(1), line(2)])
    assert end.seq() == 2
    second = segment(tmp_path, [line(3), line(4)[:10]])
    assert end.seq() == 3
    second.write_bytes(b"")
    compress(first, lambda: True)
    assert end.seq() == 2
    assert end.seq() == 2
