from __future__ import annotations

import asyncio
from typing import Any

import pytest

from addons.serving.control import Caller, Refused
from addons.serving.measuring import Measuring
from addons.serving.orders.metrics import MetricsOrder
from gateway.metrics.families import ACCEPTED, PROCESSES
from gateway.metrics.snapshot import read

ME = Caller(uid=1000, pid=4711)


def ordered(measuring: Measuring, **given: str) -> dict[str, Any]:
    async def inside() -> dict[str, Any]:
        return await MetricsOrder(measuring).verbs["metrics"](ME, given)

    return asyncio.run(inside())


def test_the_answer_is_a_snapshot_of_this_moment() -> None:
    measuring = Measuring()
    measuring.counting.door("egress").accepted = 3
    first = read(ordered(measuring))
    measuring.counting.door("egress").accepted += 1

    assert first.of(ACCEPTED) == {("egress",): 3}
    assert first.of(PROCESSES) == {(): 1}
    assert read(ordered(measuring)).of(ACCEPTED) == {("egress",): 4}


def test_there_is_nothing_to_choose() -> None:
    with pytest.raises(Refused, match="nothing to choose"):
        ordered(Measuring(), family="x")
