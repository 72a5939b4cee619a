"""A store, and gateways that count in it, for the tests of this room."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from time import monotonic
from typing import TYPE_CHECKING

from gateway.limits.cluster.connecting import StoreAddress, connect
from gateway.limits.cluster.rules import StoreRules, prefix_of
from gateway.limits.cluster.store import Store

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from gateway.limits.cluster.rules import OnFailure
    from tests.stores import StoreServer

ROOMY = 1.0
"""Seconds that an answer may take on a machine that has other things to do."""
PATIENCE = 15.0


@asynccontextmanager
async def gateway_at(
    server: StoreServer,
    told: list[tuple[bool, str]] | None = None,
    *,
    patience: float = ROOMY,
    on_failure: OnFailure = "closed",
    secret: bytes = b"s" * 32,
    credentials: tuple[str | None, str] | None = None,
) -> AsyncIterator[Store]:
    """A gateway's side of a store, looked after."""
    address, heard = StoreAddress.parse(server.url), [] if told is None else told
    rules = StoreRules(
        name=str(address), patience=patience, on_failure=on_failure, prefix=prefix_of("wg"), secret=secret
    )
    store = Store(
        connect(address, credentials, None, patience), rules, lambda is_back, why: heard.append((is_back, why))
    )
    await store.open()
    try:
        yield store
    finally:
        await store.close()


async def until(holds: Callable[[], object]) -> None:
    """Wait for something that is going to happen."""
    end = monotonic() + PATIENCE
    while not holds():
        assert monotonic() < end, "it did not happen"
        await asyncio.sleep(0.01)
