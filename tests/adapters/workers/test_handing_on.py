from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Caller, Refused
from addons.workers.handing_on import Orders
from gateway.control.merging import WAYS

if TYPE_CHECKING:
    from addons.workers.crew import Crew

CALLER = Caller(os.getuid(), os.getpid())


def test_every_order_of_workers_can_be_given_to_all(crew: Crew) -> None:
    orders = Orders(crew, crew.log.append, time.time, lambda _seconds, _cause: None)

    assert set(orders.verbs) == {*WAYS, "workers", "reload", "drain"}


@pytest.mark.parametrize(
    "verb", ["cache.purge", "cache.stats", "status", "metrics", "limits", "lists.refresh", "reload"]
)
def test_with_nobody_at_work_orders_are_refused(verb: str, crew: Crew) -> None:
    orders = Orders(crew, crew.log.append, time.time, lambda _seconds, _cause: None)

    with pytest.raises(Refused, match="no worker is at work"):
        asyncio.run(_given(orders, verb))


async def _given(orders: Orders, verb: str) -> None:
    await orders.verbs[verb](CALLER, {})


def test_who_is_at_work_is_told(crew: Crew) -> None:
    orders = Orders(crew, crew.log.append, time.time, lambda _seconds, _cause: None)

    assert asyncio.run(_workers(orders)) == {"workers": []}


async def _workers(orders: Orders) -> dict[str, object]:
    with pytest.raises(Refused, match="there is nothing to choose"):
        await orders.workers(CALLER, {"which": "1"})
    return await orders.workers(CALLER, {})
