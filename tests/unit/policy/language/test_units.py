from __future__ import annotations

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.errors import Malformed
from gateway.policy.language.units import DURATIONS, SIZES, parse_duration, parse_percent, parse_size


@pytest.mark.parametrize(
    ("size", "text"),
    [
        (512, "512"),
        (0, "0"),
        (100, "100B"),
        (10_000_000, "10MB"),
        (10_000_000, "10 MB"),
        (10 * 1024 * 1024, "10MiB"),
        (32 * 1024, "32KiB"),
        (5_000, "5kB"),
        (5_000, "5KB"),
        (2 * 10**9, "2GB"),
    ],
)
def test_a_size_is_bytes(size: int, text: str) -> None:
    assert size == parse_size(text)


@pytest.mark.parametrize(
    ("said", "text"),
    [
        ("`10mb` is no size, did you mean `10MB`?", "10mb"),
        ("`10M` is no size, write a whole number with a unit, like `10MB` or `32KiB`", "10M"),
        ("`1.5MB` is no size, write a whole number with a unit, like `10MB` or `32KiB`", "1.5MB"),
        ("`-1` is no size, write a whole number with a unit, like `10MB` or `32KiB`", "-1"),
        ("`MB` is no size, write a whole number with a unit, like `10MB` or `32KiB`", "MB"),
        ("`٣MB` is no size, write a whole number with a unit, like `10MB` or `32KiB`", "٣MB"),
    ],
)
def test_what_is_no_size_is_refused_with_the_way_out(said: str, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_size(text)

    assert said == str(caught.value)


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.5, "500ms"), (10.0, "10s"), (300.0, "5min"), (21600.0, "6h"), (604800.0, "7d"), (10.0, "10 s")],
)
def test_a_duration_is_seconds(seconds: float, text: str) -> None:
    assert seconds == pytest.approx(parse_duration(text))


@pytest.mark.parametrize(
    ("hint", "text"),
    [(", did you mean `5min`?", "5m"), ("", "5"), ("", "s"), ("", "1w"), ("", "1.5h"), ("", "9" * 16 + "s")],
)
def test_what_is_no_duration_is_refused_with_the_way_out(hint: str, text: str) -> None:
    with pytest.raises(Malformed) as caught:
        parse_duration(text)

    wanted = f"`{text}` is no length of time, write a number with `ms`, `s`, `min`, `h` or `d`, like `7d`{hint}"
    assert wanted == str(caught.value)


@pytest.mark.parametrize(("fraction", "text"), [(0.0, "0%"), (0.3, "30%"), (1.0, "100%"), (0.05, "5 %")])
def test_a_share_is_a_fraction(fraction: float, text: str) -> None:
    assert fraction == pytest.approx(parse_percent(text))


@pytest.mark.parametrize("text", ["30", "101%", "-1%", "%", "1.5%", "x%"])
def test_what_is_no_share_is_refused(text: str) -> None:
    with pytest.raises(Malformed, match="is no share, write it from `0%` to `100%`, like `30%`"):
        parse_percent(text)


@given(number=st.integers(0, 10**12), unit=st.sampled_from(sorted(SIZES)))
def test_every_unit_of_size_counts_what_it_says(number: int, unit: str) -> None:
    assert parse_size(f"{number}{unit}") == number * SIZES[unit]


@given(text=st.text(max_size=12))
def test_any_text_is_a_number_or_malformed_and_never_another_error(text: str) -> None:
    for parse in (parse_size, parse_duration, parse_percent):
        with suppress(Malformed):
            assert parse(text) >= 0


def test_there_is_no_unit_that_people_read_in_two_ways() -> None:
    assert "m" not in DURATIONS
