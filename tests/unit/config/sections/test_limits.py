from __future__ import annotations

from tests.unit.config.objections import FORWARD, objections, read


def test_a_limit_that_nothing_could_pass_is_refused() -> None:
    assert objections(f"listeners: [{FORWARD}]\nlimits: {{fields: 0}}") == [
        "limits.fields: `0` cannot stand here, here belongs a whole number from 1 to 10000"
    ]


def test_limits_are_read_in_bytes_and_seconds_and_the_others_keep_their_stock_value() -> None:
    limits = read(f"listeners: [{FORWARD}]\nlimits: {{head: 16KiB, head_timeout: 5s}}").limits

    assert (limits.head, limits.head_timeout, limits.fields) == (16 * 1024, 5.0, 100)
