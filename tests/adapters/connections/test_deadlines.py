from __future__ import annotations

from itertools import count

import pytest

from addons.connections.bounds import Patience
from addons.connections.deadlines import Deadline
from addons.connections.phases import Await, Phase

PATIENCE = Patience(idle=10, head=10, handshake=10, body=5, exchange=10, tunnel=10)


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.mark.parametrize(
    ("overdue", "phase"),
    [
        (True, Phase.IDLE),
        (False, Phase.EXCHANGE),
        (False, Phase.TUNNEL),
        (True, Phase.HEAD),
        (True, Phase.HANDSHAKE),
    ],
)
def test_traffic_renews_only_the_phases_that_are_bounded_by_silence(phase: Phase, *, overdue: bool) -> None:
    clock = Clock()
    deadline = Deadline(PATIENCE, clock)
    deadline.enter(phase)

    clock.now += 9
    deadline.touch()
    clock.now += 2

    assert overdue is deadline.is_overdue(clock.now)


@pytest.mark.parametrize("phase", list(Phase))
def test_silence_makes_every_phase_overdue(phase: Phase) -> None:
    clock = Clock()
    deadline = Deadline(PATIENCE, clock)
    deadline.enter(phase)

    assert not deadline.is_overdue(clock.now + PATIENCE.of(phase))
    assert deadline.is_overdue(clock.now + PATIENCE.of(phase) + 0.5)


def test_a_phase_that_begins_anew_has_all_its_time_again() -> None:
    clock = Clock()
    deadline = Deadline(PATIENCE, clock)
    deadline.enter(Phase.HEAD)

    clock.now += 9
    deadline.restart()

    assert not deadline.is_overdue(clock.now + 9)


def test_a_layer_that_waits_is_woken_once_and_only_for_its_own_phase() -> None:
    deadline = Deadline(PATIENCE, count().__next__)
    waits = Await(Phase.HEAD)

    deadline.enter(Phase.HEAD, waits)
    assert [deadline.take_awaited(), deadline.take_awaited()] == [waits, None]

    deadline.enter(Phase.HEAD, waits)
    deadline.enter(Phase.EXCHANGE)
    assert deadline.take_awaited() is None
