from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.language.schedule import TimeWindow

WORKDAYS = frozenset(range(5))
WORK = TimeWindow(days=WORKDAYS, start=9 * 60, end=17 * 60, zone="Europe/Berlin")
NIGHT = TimeWindow(days=frozenset({4}), start=22 * 60, end=6 * 60)  # from Friday to Saturday
OPEN, CLOSED = True, False


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        (OPEN, "2026-11-23T08:00:00"),  # Monday, 9:00 in Berlin
        (CLOSED, "2026-11-23T07:59:59"),
        (OPEN, "2026-11-23T15:59:59"),
        (CLOSED, "2026-11-23T16:00:00"),
        (CLOSED, "2026-11-22T10:00:00"),  # Sunday
        (OPEN, "2026-07-06T07:00:00"),  # Monday in summer, 9:00 in Berlin
        (CLOSED, "2026-07-06T15:30:00"),  # 17:30 in Berlin
    ],
)
def test_a_window_follows_the_clocks_of_its_zone_in_summer_and_winter(wanted: bool, at: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is WORK.contains(_seconds(at))


@pytest.mark.parametrize(
    ("wanted", "at"),
    [
        (CLOSED, "2026-11-27T21:59:00"),  # Friday evening
        (OPEN, "2026-11-27T22:00:00"),
        (OPEN, "2026-11-28T05:59:59"),  # Saturday morning belongs to Friday's window
        (CLOSED, "2026-11-28T06:00:00"),
        (CLOSED, "2026-11-28T23:00:00"),
        (CLOSED, "2026-11-27T03:00:00"),  # Friday morning belongs to Thursday
    ],
)
def test_a_window_over_midnight_belongs_to_the_day_on_which_it_starts(wanted: bool, at: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is NIGHT.contains(_seconds(at))


@given(now=st.integers(0, 4_000_000_000))
def test_a_window_of_all_days_and_hours_is_always_open(now: int) -> None:
    assert TimeWindow().contains(now)


@given(now=st.integers(0, 4_000_000_000), start=st.integers(0, 1439), end=st.integers(0, 1439))
def test_a_window_and_the_one_from_its_end_to_its_start_are_never_open_together(now: int, start: int, end: int) -> None:
    if start == end:
        return

    one, other = TimeWindow(start=start, end=end).contains(now), TimeWindow(start=end, end=start).contains(now)

    assert one is not other


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()
