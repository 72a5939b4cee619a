from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest

from addons.caching.orders import CacheOrders
from addons.serving.control import Caller, Refused
from gateway.audit.writing.errors import AuditUnavailable
from gateway.cache.caches import Caches
from gateway.cache.disk.store import DiskStore
from gateway.config.settings import CacheSettings
from gateway.policy.errors import Malformed
from tests.unit.cache.exchanges import asked, cached

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record

ROOM = CacheSettings(size=100_000, largest=50_000)
ME = Caller(uid=1000, pid=4711)


class Desk:
    """Orders about one cache with three answers, and what was recorded."""

    def __init__(self, folder: Path) -> None:
        self.records: list[Record] = []
        self.caches = Caches()
        self.disk = DiskStore(folder / "kept", 100_000, 50_000, 100, print)
        self.disk.open()
        cache = self.caches.open("shop", ROOM, self.disk)
        for target in ("/items/1", "/items/2?token=hunter2", "/about"):
            assert cache.keep(asked(target=target), cached("max-age=60"), b"body")
        self.orders = CacheOrders(self.caches, self.records.append, lambda: 0.0)

    def order(self, verb: str, **given: str) -> dict[str, Any]:
        async def inside() -> dict[str, Any]:
            return await self.orders.verbs[verb](ME, given)

        return asyncio.run(inside())


@pytest.mark.parametrize(
    ("count", "kind", "value", "said"),
    [
        (1, "url", "https://shop.example/items/2?token=hunter2", "https://shop.example/items/2"),
        (2, "prefix", "https://shop.example/items/", "https://shop.example/items/"),
        (3, "host", "shop.example", "shop.example"),
        (3, "all", "", ""),
        (0, "host", "other.example", "other.example"),
    ],
)
def test_what_is_purged_is_gone_everywhere_and_on_record_with_who_and_how_many(
    count: int, kind: str, value: str, said: str, tmp_path: Path
) -> None:
    desk = Desk(tmp_path)

    assert desk.order("cache.purge", **{kind: value}) == {"answers": count}
    assert len(list((tmp_path / "kept").iterdir())) == len(desk.disk) == 3 - count
    assert desk.records == [
        {
            "time": "1970-01-01T00:00:00.000000Z",
            "event": "admin",
            "user": 1000,
            "process": 4711,
            "by": None,
            "order": "cache.purge",
            "what": {kind: said},
            "count": count,
        }
    ]
    desk.caches.close()


def test_an_order_that_names_nothing_purges_nothing(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    for given in ({}, {"url": "https://shop.example/", "all": ""}):
        with pytest.raises(Refused, match="say one of"):
            desk.order("cache.purge", **given)
    with pytest.raises(Malformed):
        desk.order("cache.purge", url="nonsense")
    with pytest.raises(Refused, match="nothing to choose"):
        desk.order("cache.stats", url="x")
    assert (len(desk.disk), desk.records) == (3, [])
    desk.caches.close()


def test_what_cannot_be_written_down_is_said(tmp_path: Path) -> None:
    desk = Desk(tmp_path)

    def full(_record: Record) -> None:
        raise AuditUnavailable("the disk is full")

    desk.orders = CacheOrders(desk.caches, full, lambda: 0.0)
    with pytest.raises(Refused, match="3 answers were dropped, and it could not be written down: the disk is full"):
        desk.order("cache.purge", all="")
    desk.caches.close()


def test_what_is_kept_is_told_of_every_route(tmp_path: Path) -> None:
    desk = Desk(tmp_path)
    told = desk.order("cache.stats")["caches"]

    assert told == [{"listener": "shop", "memory": desk.caches.size, "disk": desk.disk.size, "files": 3}]
    desk.caches.close()
