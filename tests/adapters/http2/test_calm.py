from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes

from addons.http2.calm import Budget, Calm
from addons.http2.frames import Broken, Frame, Kind

if TYPE_CHECKING:
    from collections.abc import Callable


class _Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def _frame(kind: Kind, size: int = 0, flags: int = 0) -> Frame:
    return Frame(kind, flags, 1, bytes(9 + size))


def _repeat(act: Callable[..., None], *arguments: object) -> None:
    for _ in range(5000):
        act(*arguments)


IDLE = [
    _frame(Kind.PING, 8),
    _frame(Kind.SETTINGS),
    _frame(Kind.PRIORITY, 5),
    _frame(Kind.DATA),
    _frame(Kind.CONTINUATION, 1),
    _frame(Kind.WINDOW_UPDATE, 4),
    _frame(Kind.SETTINGS, 0, flags=1),
    _frame(Kind.RST_STREAM, 4),
]


@pytest.mark.parametrize("frame", IDLE, ids=lambda frame: f"{Kind(frame.kind).name} {frame.flags}")
def test_a_flood_ends_in_calm_and_a_trickle_never_does(frame: Frame) -> None:
    clock = _Clock()
    calm = Calm(clock)
    for _ in range(5000):
        clock.now += 0.1
        calm.see(frame)

    with pytest.raises(Broken) as broken:
        _repeat(calm.see, frame)
    assert broken.value.code is ErrorCodes.ENHANCE_YOUR_CALM


@pytest.mark.parametrize(
    "frame",
    [
        _frame(Kind.DATA, 10),
        _frame(Kind.DATA, 0, flags=1),
        _frame(Kind.HEADERS, 10),
        _frame(Kind.CONTINUATION, 16384),
    ],
    ids=lambda frame: Kind(frame.kind).name,
)
def test_what_brings_an_exchange_forward_is_not_counted_here(frame: Frame) -> None:
    calm = Calm(_Clock())
    before = calm.chatter.left, calm.updates.left

    for _ in range(5000):
        calm.see(frame)

    assert (calm.chatter.left, calm.updates.left) >= before


def test_a_long_download_may_be_answered_with_many_windows() -> None:
    calm = Calm(_Clock())

    for _ in range(20_000):
        calm.sent(1)
        calm.see(_frame(Kind.WINDOW_UPDATE, 4))
        calm.see(_frame(Kind.WINDOW_UPDATE, 4))

    assert calm.updates.left > 0


def test_streams_that_are_given_up_are_counted_and_answered_ones_make_good_for_it() -> None:
    calm = Calm(_Clock())
    for _ in range(1000):
        calm.gave_up()
        calm.answered()

    with pytest.raises(Broken, match="given up"):
        _repeat(calm.gave_up)


def test_a_budget_never_holds_more_than_it_did_at_first() -> None:
    budget = Budget(2, 1)
    budget.fill(100)
    budget.take("x")
    budget.take("x")

    with pytest.raises(Broken, match="too many x"):
        budget.take("x")
