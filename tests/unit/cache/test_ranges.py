from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.cache.ranges import Part, part_of
from gateway.cache.store import Kept
from tests.unit.cache.exchanges import answered, asked, cached

BODY = b"0123456789"


def part(wanted: str, *fields: str, method: str = "GET", kept: Kept | None = None) -> str | None:
    found = part_of(asked(f"Range: {wanted}", *fields, method=method), kept or Kept(cached("max-age=60"), BODY))
    return None if found is None else str(found)


@pytest.mark.parametrize(
    ("said", "wanted"),
    [
        ("bytes 0-0/10", "bytes=0-0"),
        ("bytes 2-9/10", "bytes=2-"),
        ("bytes 2-9/10", "BYTES = 2-"),
        ("bytes 7-9/10", "bytes=-3"),
        ("bytes 0-9/10", "bytes=-999"),
        ("bytes 9-9/10", "bytes=9-100"),
        ("bytes */10", "bytes=10-"),
        ("bytes */10", "bytes=-0"),
        (None, "bytes=-"),
        (None, "bytes=5-2"),
        (None, "bytes=0-1,3-4"),
        (None, "bytes=a-b"),
        (None, "bytes=0x1-2"),
        (None, "bytes=\u0661-2"),
        (None, "items=0-1"),
        (None, "bytes=0-9999999999999999999999"),
        (None, ""),
    ],
)
def test_one_range_of_bytes_is_a_part_and_all_else_is_the_whole(said: str | None, wanted: str) -> None:
    assert part(wanted) == said


def test_only_get_and_only_a_whole_answer_have_parts() -> None:
    assert part("bytes=0-1", method="HEAD") is None
    assert part("bytes=0-1", kept=Kept(answered(status=404), BODY)) is None
    assert part("bytes=0-1", kept=Kept(answered("Content-Range: bytes 0-9/20"), BODY)) is None
    assert part("bytes=0-1", "Range: bytes=0-1") is None
    assert part("bytes=0-", kept=Kept(answered(), b"")) == "bytes */0"


@pytest.mark.parametrize(
    ("same", "condition"),
    [
        (True, 'If-Range: "a"'),
        (False, 'If-Range: "b"'),
        (False, 'If-Range: W/"a"'),
        (True, "If-Range: Sun, 09 Sep 2001 01:00:00 GMT"),
        (False, "If-Range: Sun, 09 Sep 2001 01:00:01 GMT"),
        (False, "If-Range: yesterday"),
    ],
)
def test_a_part_goes_only_with_the_answer_that_the_others_are_of(*, same: bool, condition: str) -> None:
    kept = Kept(cached("max-age=60", 'ETag: "a"', "Last-Modified: Sun, 09 Sep 2001 01:00:00 GMT"), BODY)

    assert (part("bytes=0-1", condition, kept=kept) == "bytes 0-1/10") is same
    assert part("bytes=0-1", condition, condition, kept=kept) is None


@given(st.integers(0, 30), st.integers(0, 30), st.integers(0, 30))
def test_a_part_lies_within_the_content(first: int, last: int, size: int) -> None:
    found = part_of(asked(f"Range: bytes={first}-{last}"), Kept(cached("max-age=60"), b"x" * size))

    if found is not None and not found.is_nothing:
        assert 0 <= found.first <= found.last < size == found.size
        assert (found.first, found.last) == (first, min(last, size - 1))
    assert (found is None) == (last < first)
    assert found is None or found.is_nothing == (first >= size)


def test_no_part_is_said_without_numbers() -> None:
    assert str(Part(5, 4, 5)) == "bytes */5"
