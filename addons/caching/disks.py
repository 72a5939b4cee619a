"""The folders of the caches: every route's is a folder of its own, in one that no other gateway may use meanwhile.

It is named by the place of the route's cache: a route that is changed, and then has other answers, begins with an empty
one, and what routes left behind that are no more is removed at the next start.
"""

from __future__ import annotations

import os
from shutil import rmtree
from typing import TYPE_CHECKING

from gateway.cache.disk import files
from gateway.cache.disk.store import DiskStore
from gateway.config.sections.cache import place_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.cache.caches import Caches
    from gateway.config.settings import CacheSettings, Settings


def open_disks(settings: Settings, caches: Caches, said: Callable[[str], None]) -> None:
    """Open the store of every route that has one. Raises Unusable, or OSError, and holds no folder then."""
    used: dict[Path, set[str]] = {}
    try:
        for listener, name, room in _rooms(settings):
            folder = _folder(settings, room)
            if folder not in used:
                used[folder] = set()
                _hold(folder, caches)
            used[folder].add(name)
            _open(folder / name, listener, room, caches, said)
    except BaseException:
        caches.close()
        raise
    for folder, names in used.items():
        _remove_others(folder, names)


def renew_disks(settings: Settings, caches: Caches, said: Callable[[str], None]) -> None:
    """Let caches go and come with the routes of a configuration that was read again; those of others stay as they are.

    What cannot be opened is kept in memory alone, and the operator is told.
    """
    caches.retain(
        {(listener.name, route.cache) for listener in settings.listeners for route in listener.routes if route.cache}
    )
    for listener, name, room in _rooms(settings):
        if not caches.has(listener, room):
            folder = _folder(settings, room)
            try:
                _hold(folder, caches)
                _open(folder / name, listener, room, caches, said)
            except (files.Unusable, OSError) as problem:
                said(f"{problem}; until the next start its answers are kept in memory alone")


def _rooms(settings: Settings) -> Iterator[tuple[str, str, CacheSettings]]:
    """Of every route with a store on disk: its listener, the name of its folder, and its cache."""
    for listener in settings.listeners:
        for route in listener.routes:
            if route.cache is not None and route.cache.disk is not None:
                yield listener.name, route.cache.place or place_of(listener.name, route), route.cache


def _folder(settings: Settings, room: CacheSettings) -> Path:
    chosen = None if room.disk is None else room.disk.path
    return (chosen or settings.state / "cache").resolve()


def _hold(folder: Path, caches: Caches) -> None:
    if folder not in caches.folders:
        lock = files.hold(folder)
        caches.folders[folder] = lambda: os.close(lock)


def _open(folder: Path, listener: str, room: CacheSettings, caches: Caches, said: Callable[[str], None]) -> None:
    if room.disk is None:
        raise LookupError("a route without a store on disk")
    store = DiskStore(folder, room.disk.size, room.largest, room.disk.entries, said)
    caches.open(listener, room, store)
    store.open()


def _remove_others(folder: Path, used: set[str]) -> None:
    for each in folder.iterdir():
        if files.is_place(each.name) and each.name not in used:
            rmtree(each, ignore_errors=True)
