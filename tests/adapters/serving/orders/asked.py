"""Orders to a gateway that serves in a thread of the test, and what it wrote down of them."""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from addons.serving.control import Caller
from addons.serving.orders.desk import Desk
from addons.serving.orders.table import orders
from tests.e2e.gateways import PATIENCE, Running, Scenery, serving
from tests.e2e.origin import origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

NOW = 1795428000.0
POLICY = """
rules:
  - {id: no-uploads, action: deny, reason: nobody uploads here, when: {path: {prefix: [/refused]}}}
lists: {ads: {type: domain, items: [ads.example], match: under}}
limits:
  - {id: per-client, key: [client.ip], rate: 60/min}
  - {id: per-key, key: [header.x-key, host], concurrent: 5}
"""


@dataclass(slots=True)
class Life:
    """A process that does what it is told, and remembers it."""

    version: str = "1.2.3"
    configuration: str | None = None
    started: float = NOW - 60
    is_ending: bool = False
    told: list[tuple[float, str]] = field(default_factory=list)

    async def reload(self) -> dict[str, Any]:
        """As one that found nothing to object to."""
        return {"kept": 0}

    async def refresh_lists(self) -> dict[str, Any]:
        """As one that has nothing to fetch."""
        return {"fetched": [], "kept": 0}

    def standing(self) -> dict[str, Any]:
        """Nothing was ever read again."""
        return {"watched": True, "parts": [], "counts": []}

    def end(self, seconds: float, cause: str) -> None:
        """Remember it well."""
        self.is_ending = True
        self.told.append((seconds, cause))


@dataclass(slots=True)
class Asked:
    """A gateway and its orders."""

    gateway: Running
    life: Life

    def __call__(self, verb: str, **given: str) -> dict[str, Any]:
        """What came of an order of the user 1000."""
        desk = Desk(self.gateway.engine, self.life, lambda: NOW)
        work = orders(desk)[verb](Caller(1000, 4711, "somebody"), given)
        return asyncio.run_coroutine_threadsafe(_waited(work), self.gateway.loop).result(PATIENCE)


async def _waited(work: Any) -> dict[str, Any]:
    found: dict[str, Any] = await work
    return found


@contextmanager
def asking(folder: Path) -> Iterator[Asked]:
    """Serve, and take orders, within this block."""
    with origin() as served, serving(Scenery(folder=folder, origin=served.port, policy=POLICY)) as gateway:
        yield Asked(gateway, Life())


def written(folder: Path) -> list[tuple[Any, ...]]:
    """Of every order on record who gave it, and what it was; asked once the gateway has ended."""
    from gateway.audit.reading.reader import records  # noqa: PLC0415 - for this question alone

    found = (each for each in records(folder / "state" / "audit") if each["event"] == "admin")
    return [(each["user"], each["by"], each["order"], each["what"], each["count"]) for each in found]
