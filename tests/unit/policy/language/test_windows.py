from __future__ import annotations

import pytest

from gateway.policy.language.schedule import TimeWindow
from gateway.policy.language.windows import TIME
from tests.reading import complaints, value

NINE, FIVE = 9 * 60, 17 * 60


@pytest.mark.parametrize(
    ("window", "yaml"),
    [
        (
            TimeWindow(days=frozenset(range(5)), start=NINE, end=FIVE, zone="Europe/Berlin"),
            '{days: mon-fri, from: "09:00", to: "17:00", zone: Europe/Berlin}',
        ),
        (TimeWindow(start=NINE, zone="UTC"), "{from: 09:00, zone: UTC}"),
        (TimeWindow(end=FIVE, zone="UTC"), "{to: 17:00, zone: UTC}"),
        (TimeWindow(start=FIVE, end=NINE, zone="UTC"), "{from: 17:00, to: 09:00, zone: UTC}"),
        (TimeWindow(start=NINE, zone="UTC"), "{from: 09:00, to: 24:00, zone: UTC}"),
        (TimeWindow(days=frozenset({5, 6}), zone="UTC"), "{days: [sat, sun], zone: UTC}"),
        (TimeWindow(days=frozenset({0, 4, 5, 6}), zone="UTC"), "{days: fri-mon, zone: UTC}"),
        (TimeWindow(days=frozenset({0, 1, 2, 6}), zone="UTC"), "{days: [mon-wed, sun], zone: UTC}"),
        (TimeWindow(days=frozenset({2}), zone="UTC"), "{days: wed, zone: UTC}"),
    ],
)
def test_a_time_is_read_as_it_is_written(window: TimeWindow, yaml: str) -> None:
    assert window == value(TIME, yaml)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        ("`zone` is missing, here belongs a time zone, like `Europe/Berlin` or `UTC`", "{days: mon}"),
        ("one of `days`, `from`, `to` is missing: without them the window is always open", "{zone: UTC}"),
        ("zone: `Europe/Berln` is no time zone, did you mean `Europe/Berlin`?", "{days: mon, zone: Europe/Berln}"),
        ("zone: `../passwd` is no time zone, write it like `Europe/Berlin`", "{days: mon, zone: ../passwd}"),
        (
            "days: `mon-fry` is no day, write `mon`, `tue`, ... or a range like `mon-fri`",
            "{days: mon-fry, zone: UTC}",
        ),
        (
            "days[1]: `monday` is no day, write `mon`, `tue`, ... or a range like `mon-fri`",
            "{days: [tue, monday], zone: UTC}",
        ),
        ("days[0]: here belongs a day, like `mon`, or a range, like `mon-fri`", "{days: [[mon]], zone: UTC}"),
        (
            'from: `9:00` is no time of day, write hours and minutes, like `"09:00"`',
            "{from: 9:00, zone: UTC}",
        ),
        ('to: `24:01` is no time of day, write hours and minutes, like `"09:00"`', "{to: 24:01, zone: UTC}"),
        ('to: this is no time of day, write hours and minutes, like `"09:00"`', "{to: [9], zone: UTC}"),
        ("`from` and `to` are the same, leave both out for the whole day", "{from: 09:00, to: 09:00, zone: UTC}"),
        ("`from` cannot be `24:00`, write `00:00` and the day after", "{from: 24:00, to: 09:00, zone: UTC}"),
        ("unknown key `until`, known are `days`, `from`, `to`, `zone`", "{days: mon, until: 1, zone: UTC}"),
    ],
)
def test_a_time_that_makes_no_sense_is_refused_with_the_way_out(said: str, yaml: str) -> None:
    assert [said] == complaints(TIME, yaml)
