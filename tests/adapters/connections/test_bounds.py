from __future__ import annotations

from dataclasses import replace

import pytest

from addons.connections.bounds import Bounds, Patience
from addons.connections.phases import Phase
from gateway.config.settings import LimitSettings

PATIENCE = Patience(idle=1.0, head=2.0, handshake=3.0, body=3.5, exchange=4.0, tunnel=5.0)


@pytest.mark.parametrize(
    ("wanted", "phase"),
    [(1.0, Phase.IDLE), (2.0, Phase.HEAD), (3.0, Phase.HANDSHAKE), (124.0, Phase.EXCHANGE), (5.0, Phase.TUNNEL)],
)
def test_every_phase_has_its_patience(wanted: float, phase: Phase) -> None:
    assert wanted == PATIENCE.of(phase)


def test_the_bounds_of_a_configuration_are_kept() -> None:
    times = LimitSettings(
        head=1000,
        head_timeout=2.5,
        body_idle=3.5,
        body_rate=70,
        keep_alive=4.5,
        first_byte=5.5,
        answer_idle=6.5,
        tunnel_idle=7.5,
    )
    bounds = Bounds.of(times)

    assert (bounds.head, bounds.ahead) == (1000, 2000)
    assert bounds.patience == Patience(
        idle=4.5, head=2.5, handshake=2.5, body=3.5, body_rate=70, first_byte=5.5, exchange=6.5, tunnel=7.5
    )


def test_an_answer_may_take_as_long_to_begin_as_to_go_on_if_nobody_says_otherwise() -> None:
    assert (Patience(exchange=7.0).answer, Patience(exchange=7.0, first_byte=9.0).answer) == (7.0, 9.0)


def test_the_published_times_are_the_same_wherever_they_are_said() -> None:
    assert Bounds.of(LimitSettings()).patience == replace(Patience(), first_byte=60.0)
