from __future__ import annotations

import pytest

from addons.bounds import Bounds, Patience
from addons.phases import Phase
from gateway.config.settings import LimitSettings

PATIENCE = Patience(idle=1.0, head=2.0, handshake=3.0, exchange=4.0, tunnel=5.0)


@pytest.mark.parametrize(
    ("wanted", "phase"),
    [(1.0, Phase.IDLE), (2.0, Phase.HEAD), (3.0, Phase.HANDSHAKE), (4.0, Phase.EXCHANGE), (5.0, Phase.TUNNEL)],
)
def test_every_phase_has_its_patience(wanted: float, phase: Phase) -> None:
    assert wanted == PATIENCE.of(phase)


def test_the_bounds_of_a_configuration_are_kept() -> None:
    bounds = Bounds.of(LimitSettings(head=1000, head_timeout=2.5))

    assert (bounds.head, bounds.patience.head, bounds.ahead) == (1000, 2.5, 2000)
    assert bounds.patience.idle == Patience().idle
