"""What an operator can have the caches of a running gateway do: drop answers, and say what they keep.

An answer that was dropped is gone from memory and from disk when the order is answered, and the audit log says who
ordered it, what, and how many it were.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from addons.serving.control import Refused
from gateway.audit.records.events import admin_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.cache.purging import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from addons.serving.control import Caller, Verb
    from gateway.audit.records.record import Record
    from gateway.cache.caches import Caches


@dataclass(frozen=True, slots=True)
class CacheOrders:
    """The orders. `record` takes what was done, `clock` gives seconds since the epoch."""

    caches: Caches
    record: Callable[[Record], object]
    clock: Callable[[], float]

    @property
    def verbs(self) -> dict[str, Verb]:
        """By the words that they are given with."""
        return {"cache.purge": self.purge, "cache.stats": self.stats}

    async def purge(self, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """Drop what `{"url": ...}`, `prefix`, `host` or `all` names. Raises Malformed; Refused without a record."""
        if len(given) != 1:
            raise Refused("say one of `url`, `prefix`, `host` and `all`")
        kind, value = next(iter(given.items()))
        scope = Scope.of(kind, value)
        dropped = self.caches.purge(scope.takes)
        await self.caches.settled()
        try:
            self.record(
                admin_record(
                    user=caller.uid,
                    process=caller.pid,
                    by=caller.by,
                    order="cache.purge",
                    what={scope.kind: scope.value},
                    count=dropped,
                    now=self.clock(),
                )
            )
        except AuditUnavailable as problem:
            raise Refused(f"{dropped} answers were dropped, and it could not be written down: {problem}") from None
        return {"answers": dropped}

    async def stats(self, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """What every route keeps. Raises Refused for what it has no use for."""
        if given:
            raise Refused("there is nothing to choose, all is told")
        return {"caches": [asdict(each) for each in self.caches.stock()]}
