"""The key `cache` of a route: whether answers are kept, and how much memory that may take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.sections.common import not_yet
from gateway.config.settings import KIB, CacheSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, SIZE

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Read

_STOCK: Final = CacheSettings()
_LEAST: Final = 4 * KIB
_MOST: Final = 64 * KIB * KIB
_ENABLED: Final = required("enabled", BOOLEAN, "Whether answers are kept.")
_SIZE: Final[Key[int]] = optional("size", SIZE, "What all kept answers of the route may take.", _STOCK.size)
_LARGEST: Final[Key[int]] = optional("max_object", SIZE, "The largest answer that is kept.", _STOCK.largest)


def _cache(values: Values) -> Read[CacheSettings | None]:
    size, largest = values[_SIZE], values[_LARGEST]
    if not _LEAST <= largest <= _MOST:
        raise Malformed("`max_object` is from 4KiB to 64MiB: an answer is kept whole, and given in one piece")
    if size < largest:
        raise Malformed("`size` bounds all answers together and is smaller than `max_object`, which bounds every one")
    return CacheSettings(size=size, largest=largest) if values[_ENABLED] else None


CACHE: Final = record(
    (_ENABLED, _SIZE, _LARGEST),
    _cache,
    wanted="a cache, like `{enabled: true, size: 64MB, max_object: 1MB}`",
    also=not_yet("disk"),
)
