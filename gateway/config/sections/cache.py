"""The key `cache` of a route: whether answers are kept, and how much memory and disk that may take."""

from __future__ import annotations

from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.settings import KIB, CacheSettings, DiskSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, SIZE, integer, text
from gateway.upstreams.clauses import claims_of

if TYPE_CHECKING:
    from gateway.config.settings import RouteSettings
    from gateway.policy.language.shapes import Read

_STOCK: Final = CacheSettings()
_LEAST: Final = 4 * KIB
_MOST: Final = 64 * KIB * KIB
_ENABLED: Final = required("enabled", BOOLEAN, "Whether answers are kept.")
_SIZE: Final[Key[int]] = optional("size", SIZE, "What all kept answers of the route may take.", _STOCK.size)
_LARGEST: Final[Key[int]] = optional("max_object", SIZE, "The largest answer that is kept.", _STOCK.largest)


_DISK_SIZE: Final = required("size", SIZE, "What all files of the route may take.")
_ENTRIES: Final[Key[int]] = optional("entries", integer(1, 1_000_000), "How many files there may be.", 10_000)
_PATH: Final = optional("path", text("the path of a folder"), "The folder; one in the state folder if left out.", None)


def _disk(values: Values) -> Read[DiskSettings]:
    path = values[_PATH]
    return DiskSettings(size=values[_DISK_SIZE], entries=values[_ENTRIES], path=None if path is None else Path(path))


DISK: Final = record((_DISK_SIZE, _ENTRIES, _PATH), _disk, wanted="a store on disk, like `{size: 1GB}`")
_DISK: Final = optional("disk", DISK, "What is kept on disk; nothing if left out.", None)


def _cache(values: Values) -> Read[CacheSettings | None]:
    size, largest = values[_SIZE], values[_LARGEST]
    if not _LEAST <= largest <= _MOST:
        raise Malformed("`max_object` is from 4KiB to 64MiB: an answer is kept whole, and given in one piece")
    if size < largest:
        raise Malformed("`size` bounds all answers together and is smaller than `max_object`, which bounds every one")
    disk = values[_DISK]
    if disk is not None and disk.size < 2 * largest:
        raise Malformed("`disk.size` bounds all files together and is smaller than two of `max_object`")
    return CacheSettings(size=size, largest=largest, disk=disk) if values[_ENABLED] else None


def cache_from(base: Path, listener: str, route: RouteSettings) -> RouteSettings:
    """The route with the place of its cache, and with the folder of that found from a folder."""
    if route.cache is None:
        return route
    disk = route.cache.disk
    if disk is not None and disk.path is not None:
        disk = replace(disk, path=base / disk.path)
    return replace(route, cache=replace(route.cache, disk=disk, place=place_of(listener, route)))


def place_of(listener: str, route: RouteSettings) -> str:
    """A digest of what a route is for and who answers it: what it keeps is of no use to another."""
    said = (listener, route.upstream, sorted(map(repr, claims_of(route))), route.strip_prefix, route.put_prefix)
    return sha256(repr(said).encode()).hexdigest()


CACHE: Final = record(
    (_ENABLED, _SIZE, _LARGEST, _DISK),
    _cache,
    wanted="a cache, like `{enabled: true, size: 64MB, max_object: 1MB}`",
)
