from __future__ import annotations

from tests.unit.config.objections import FORWARD, objections, read


def test_a_limit_that_nothing_could_pass_is_refused() -> None:
    assert objections(f"listeners: [{FORWARD}]\nlimits: {{fields: 0}}") == [
        "limits.fields: `0` cannot stand here, here belongs a whole number from 1 to 10000"
    ]


def test_a_time_in_which_nothing_could_come_is_refused() -> None:
    assert objections(f"listeners: [{FORWARD}]\nlimits: {{body_idle: 0s}}") == [
        "limits.body_idle: nothing comes in no time at all, write a length of time above zero"
    ]


def test_every_time_can_be_said() -> None:
    said = "body_idle: 1s, body_rate: 2kB, keep_alive: 3s, connect_timeout: 4s, first_byte: 5min, answer_idle: 6s"
    limits = read(f"listeners: [{FORWARD}]\nlimits: {{{said}, tunnel_idle: 7h}}").limits

    assert (limits.body_idle, limits.body_rate, limits.keep_alive, limits.connect_timeout) == (1.0, 2000, 3.0, 4.0)
    assert (limits.first_byte, limits.answer_idle, limits.tunnel_idle) == (300.0, 6.0, 25200.0)


def test_limits_are_read_in_bytes_and_seconds_and_the_others_keep_their_stock_value() -> None:
    limits = read(f"listeners: [{FORWARD}]\nlimits: {{head: 16KiB, head_timeout: 5s}}").limits

    assert (limits.head, limits.head_timeout, limits.fields) == (16 * 1024, 5.0, 100)
