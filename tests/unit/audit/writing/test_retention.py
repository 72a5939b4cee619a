from __future__ import annotations

import json
from pathlib import Path

import pytest

from gateway.audit.records.ids import IdSource
from gateway.audit.writing.retention import Removed, over, prune, whole
from gateway.audit.writing.witness import leaf_hash

DAY = 86_400.0
LINES = [
    b'{"v":1,"seq":1,"event":"decision","decision":{"verdict":"allow"}}\n',
    b'{"v":1,"seq":2,"event":"end"}\n',
    b'{"v":1,"seq":3,"event":"decision","decision":{"verdict":"deny"}}\n',
    b'{"v":1,"seq":4,"event":"policy"}\n',
]


def segment(moment: float) -> Path:
    """A segment that was begun at this moment."""
    return Path(f"{IdSource(lambda: moment, bytes).next()}.jsonl")


def test_a_pruned_line_keeps_its_number_and_its_hash_and_nothing_else() -> None:
    removed = Removed()

    left = list(prune(LINES, frozenset({"allow", "end"}), removed))

    assert left[2:] == LINES[2:]
    assert [json.loads(each) for each in left[:2]] == [
        {"v": 1, "seq": seq, "pruned": leaf_hash(LINES[seq - 1][:-1]).hex()} for seq in (1, 2)
    ]
    assert (removed.kinds, removed.first, removed.last, removed.left) == ({"allow": 1, "end": 1}, 1, 2, 2)


def test_what_is_pruned_stays_as_it_is() -> None:
    once = list(prune(LINES, frozenset({"allow"}), Removed()))
    again = Removed()

    assert list(prune(once, frozenset({"allow"}), again)) == once
    assert (again.kinds, again.left) == ({}, 3)


@pytest.mark.parametrize("damage", [b"no record\n", b'{"v":1,"seq":5,"event":"end"}'])
def test_what_is_no_record_stays_where_it_is(damage: bytes) -> None:
    removed = Removed()

    assert list(prune([damage], frozenset({"end"}), removed)) == [damage]
    assert (removed.kinds, removed.left) == ({}, 1)


@pytest.mark.parametrize(
    ("kinds", "days"),
    [(set(), 30), (set(), 30.9), ({"allow"}, 31), ({"allow"}, 90), ({"allow", "deny"}, 91)],
)
def test_time_runs_from_the_end_of_a_segment(kinds: set[str], days: float) -> None:
    """It was begun on day 0 and closed on day 1."""
    retain = {"allow": 30 * DAY, "deny": 90 * DAY}

    assert over(segment(0.0), segment(DAY), retain, days * DAY) == kinds


def test_a_successor_that_seems_older_does_not_shorten_the_time() -> None:
    assert over(segment(5 * DAY), segment(0.0), {"allow": DAY}, 5.5 * DAY) == frozenset()


def test_only_the_beginning_of_a_log_goes_as_a_whole() -> None:
    first, second = segment(0.0), segment(DAY)

    assert whole(first, [first, second], Removed(left=0)) is True
    assert whole(first, [first, second], Removed(left=1)) is False
    assert whole(second, [first, second], Removed(left=0)) is False
