from __future__ import annotations

from email.utils import formatdate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.dates import parse_date
from tests.unit.cache.exchanges import DATE, NOW


@pytest.mark.parametrize(
    "text",
    [DATE, "Sunday, 09-Sep-01 01:46:40 GMT", "Sun Sep  9 01:46:40 2001", "Sun Sep 09 01:46:40 2001"],
)
def test_the_three_forms_name_the_same_moment(text: str) -> None:
    assert parse_date(text, NOW) == NOW


@pytest.mark.parametrize(
    "text",
    [
        "",
        "0",
        "-1",
        "1000000000",
        "Sun, 09 Sep 2001 01:46:40",
        "Sun, 09 Sep 2001 01:46:40 UTC",
        "Sun, 09 Sep 2001 01:46:40 +0000",
        "sun, 09 sep 2001 01:46:40 gmt",
        "Sun, 9 Sep 2001 01:46:40 GMT",
        "Sun, 00 Sep 2001 01:46:40 GMT",
        "Sun, 32 Sep 2001 01:46:40 GMT",
        "Sun, 09 Sep 2001 24:46:40 GMT",
        "Sun, 09 Sep 2001 01:60:40 GMT",
        "Sun, 09 Spt 2001 01:46:40 GMT",
        "Sun, 09 Sep 2001 01:46:40 GMT ",
        "Sun, 09  Sep 2001 01:46:40 GMT",
        "Thu, 18 Aug 2050 02:01:18 GMT;",
    ],
)
def test_what_is_not_exactly_a_date_is_none(text: str) -> None:
    assert parse_date(text, NOW) is None


@given(st.integers(0, 2**33))
def test_every_date_that_python_writes_is_read(moment: int) -> None:
    assert parse_date(formatdate(moment, usegmt=True), NOW) == moment


@pytest.mark.parametrize(("year", "full"), [("94", "1994"), ("01", "2001"), ("49", "2049"), ("52", "1952")])
def test_a_year_of_two_digits_is_the_one_that_is_near(year: str, full: str) -> None:
    short = parse_date(f"Sunday, 09-Sep-{year} 01:46:40 GMT", NOW)

    assert short == parse_date(f"Sun, 09 Sep {full} 01:46:40 GMT", NOW)
