from __future__ import annotations

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from addons.caching.disks import open_disks, renew_disks
from gateway.cache.caches import Caches
from gateway.cache.disk.files import Unusable
from gateway.config.settings import CacheSettings, DiskSettings, ListenerSettings, RouteSettings, Settings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.unit.cache.exchanges import asked, cached

if TYPE_CHECKING:
    from gateway.cache.cache import Cache

ROUTE = RouteSettings(upstream="app", cache=CacheSettings(disk=DiskSettings(size=10_000_000)))


def settings(folder: Path, *routes: RouteSettings) -> Settings:
    bind = (Address.parse("127.0.0.1"), 8080)
    listener = ListenerSettings(name="shop", mode=Mode.REVERSE, bind=bind, policy=Path("p.yaml"), routes=routes)
    return Settings(listeners=(listener,), state=folder)


def opened(folder: Path, *routes: RouteSettings) -> Caches:
    caches = Caches()
    open_disks(settings(folder, *routes), caches, print)
    return caches


def of(caches: Caches, route: RouteSettings) -> Cache:
    assert route.cache is not None
    return caches.of("shop", route.cache)


def holds(caches: Caches, route: RouteSettings) -> bool:
    asyncio.run(of(caches, route).bring(asked()))
    return of(caches, route).store.find(asked()) is not None


def test_what_a_route_keeps_is_there_after_a_restart_for_this_route_alone(tmp_path: Path) -> None:
    other = replace(ROUTE, prefixes=("/other",), cache=replace(ROUTE.cache or CacheSettings(), place="f" * 64))
    caches = opened(tmp_path, ROUTE, other)
    of(caches, ROUTE).keep(asked(), cached("max-age=60"), b"body")
    caches.close()
    again = opened(tmp_path, ROUTE, other)

    assert (holds(again, ROUTE), holds(again, other)) == (True, False)
    assert (tmp_path / "cache").stat().st_mode & 0o777 == 0o700
    again.close()


def test_a_route_that_is_answered_by_somebody_else_now_begins_with_nothing(tmp_path: Path) -> None:
    caches = opened(tmp_path, ROUTE)
    of(caches, ROUTE).keep(asked(), cached("max-age=60"), b"body")
    caches.close()
    changed = replace(ROUTE, upstream="other")
    again = opened(tmp_path, changed)

    assert not holds(again, changed)
    assert len([each for each in (tmp_path / "cache").iterdir() if each.is_dir()]) == 1
    again.close()


def test_caches_come_and_go_with_routes_and_those_of_others_stay_as_they_are(tmp_path: Path) -> None:
    disk = DiskSettings(size=10_000_000)
    other = replace(ROUTE, prefixes=("/other",), cache=CacheSettings(disk=disk, place="e" * 64))
    memory = replace(ROUTE, prefixes=("/memory",), cache=CacheSettings(place="d" * 64))
    caches, said = opened(tmp_path, ROUTE, memory), list[str]()
    for each in (ROUTE, memory):
        of(caches, each).keep(asked(), cached("max-age=60"), b"body")
    renew_disks(settings(tmp_path, replace(ROUTE), other), caches, said.append)
    of(caches, other).keep(asked(), cached("max-age=60"), b"other")

    assert [holds(caches, each) for each in (ROUTE, memory, other)] == [True, False, True]
    renew_disks(settings(tmp_path, other), caches, said.append)
    assert [len(each) for each in ([*caches.stock()], said)] == [1, 0]
    caches.close()


def test_what_cannot_be_opened_while_running_is_kept_in_memory_alone(tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir(mode=0o755)
    other = replace(ROUTE, cache=CacheSettings(disk=DiskSettings(size=10_000_000, path=elsewhere)))
    caches, said = opened(tmp_path, ROUTE), list[str]()
    renew_disks(settings(tmp_path, other), caches, said.append)
    of(caches, other).keep(asked(), cached("max-age=60"), b"body")

    assert holds(caches, other)
    assert len(said) == 1
    assert said[0].endswith("(mode 0700); until the next start its answers are kept in memory alone")
    caches.close()


def test_two_gateways_never_share_a_folder(tmp_path: Path) -> None:
    first = opened(tmp_path, ROUTE)

    with pytest.raises(Unusable, match="is in use by another gateway"):
        opened(tmp_path, ROUTE)
    first.close()
    opened(tmp_path, ROUTE).close()


def test_a_folder_can_be_chosen_and_nothing_is_made_without_a_store_on_disk(tmp_path: Path) -> None:
    disk = DiskSettings(size=10_000_000, path=tmp_path / "elsewhere")
    opened(tmp_path, RouteSettings(upstream="app", cache=CacheSettings())).close()
    before = list(tmp_path.iterdir())
    opened(tmp_path, replace(ROUTE, cache=CacheSettings(disk=disk))).close()

    assert (before, [each.name for each in tmp_path.iterdir()]) == ([], ["elsewhere"])
