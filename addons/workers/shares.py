"""A worker's settings: those of the gateway, but for what two processes cannot use together.

Every worker keeps answers of its own: its part of the room, in memory and on disk, in a folder of its own.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import CacheSettings, Settings


def share_of(settings: Settings, number: int) -> Settings:
    """What the worker of this `number`, from 1, goes by."""
    listeners = tuple(
        replace(
            listener,
            routes=tuple(
                route if route.cache is None else replace(route, cache=_part(route.cache, settings, number))
                for route in listener.routes
            ),
        )
        for listener in settings.listeners
    )
    return replace(settings, listeners=listeners)


def _part(cache: CacheSettings, settings: Settings, number: int) -> CacheSettings:
    size, disk = max(cache.largest, cache.size // settings.workers), cache.disk
    if disk is not None:
        folder: Path = disk.path or settings.state / "cache"
        disk = replace(
            disk,
            path=folder / f"worker-{number}",
            size=max(cache.largest, disk.size // settings.workers),
            entries=max(1, disk.entries // settings.workers),
        )
    return replace(cache, size=size, disk=disk)
