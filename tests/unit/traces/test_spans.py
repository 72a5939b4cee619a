from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

import pytest

from gateway.traces.context import Context
from gateway.traces.spans import Attempt, Drawing, join
from tests.unit.traces.drawn import TRACE

if TYPE_CHECKING:
    from collections.abc import Callable


def drawing(share: float = 1.0) -> Drawing:
    numbers = count(1)
    return Drawing(share, lambda size: next(numbers).to_bytes(size), lambda: 7)


def of_bytes(value: int) -> Callable[[int], bytes]:
    return lambda size: bytes([value]) * size


def test_a_new_trace_has_ids_of_its_own_and_one_for_the_first_server() -> None:
    trace = drawing().begin()

    assert (trace.id, trace.own.span, trace.time) == (f"{1:032x}", f"{2:016x}", 7)
    assert trace.asking == Context(trace.id, f"{4:016x}", sampled=True)
    assert (trace.parent, trace.state, trace.attempts) == (None, None, [])


def test_an_id_of_zeros_is_drawn_again() -> None:
    drawn = iter([bytes(16), b"\1" * 16, b"\2" * 8, b"\3" * 7, bytes(8), b"\4" * 8])

    trace = Drawing(1.0, lambda _: next(drawn), lambda: 0).begin()

    assert (trace.id, trace.asks) == ("01" * 16, "04" * 8)


@pytest.mark.parametrize(
    ("share", "drawn", "sampled"),
    [(0.0, 1, False), (1.0, 0xFF, True), (0.5, 0x01, True), (0.5, 0xFF, False), (0.01, 0xFF, False)],
)
def test_the_share_that_is_sampled_is_drawn(share: float, drawn: int, *, sampled: bool) -> None:
    assert Drawing(share, of_bytes(drawn), lambda: 0).begin().own.sampled is sampled


@pytest.mark.parametrize(
    ("share", "said", "is_trusted", "sampled"),
    [
        (0.0, True, True, True),
        (1.0, False, True, False),
        (0.0, True, False, False),
        (1.0, False, False, True),
    ],
)
def test_only_who_is_trusted_says_whether_a_trace_is_sampled(
    share: float, *, said: bool, is_trusted: bool, sampled: bool
) -> None:
    trace = drawing(share).begin()
    own = trace.own.span

    join(trace, Context(TRACE, "0" * 15 + "9", said), "a=b", is_trusted=is_trusted)

    assert trace.own == Context(TRACE, own, sampled)
    assert (trace.parent, trace.state) == ("0" * 15 + "9", "a=b")


def test_every_server_that_is_asked_has_a_span_and_they_follow_on_each_other() -> None:
    trace = drawing().begin()
    first = trace.asks

    trace.went_on("a", "upstream-broken", 1.0, 2.0)
    second = trace.asks
    trace.went_on("b", "upstream-refused", 1.0, 3.5)

    assert trace.attempts == [
        Attempt(first, "a", 1.0, 2.0, "upstream-broken"),
        Attempt(second, "b", 2.0, 3.5, "upstream-refused"),
    ]
    assert len({first, second, trace.asks, trace.own.span}) == len("abcd")
