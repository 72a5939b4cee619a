from __future__ import annotations

import pytest

from gateway.audit.records.times import timestamp


@pytest.mark.parametrize(
    ("wanted", "now"),
    [
        ("1970-01-01T00:00:00.000000Z", 0.0),
        ("2026-11-23T10:00:00.123456Z", 1795428000.123456),
        ("2026-11-23T10:00:00.000000Z", 1795428000),
    ],
)
def test_a_moment_is_utc_with_microseconds(wanted: str, now: float) -> None:
    assert wanted == timestamp(now)
