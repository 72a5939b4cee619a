"""What is remembered of one request between the look-up and the end of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.cache.status import CacheStatus

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

    from addons.caching.flights import Flight
    from addons.caching.gathering import Gathering
    from gateway.cache.cache import Cache, Plan
    from gateway.cache.caches import Expected
    from gateway.cache.messages import Asked
    from gateway.cache.store import Kept

_KEY: Final = "wicketgate_cache"


@dataclass(slots=True, eq=False)
class Attempt:
    """A request on a route with a cache. `asked_at` is in seconds since the epoch.

    `plan` is what was found to do before a server was chosen, if that was possible. `kept` is what the origin is asked
    about; `given` is what stands in the place of the origin's answer. `flight` is there if others wait for the answer,
    `expected` if it may be kept, `gathering` while it is gathered.
    """

    cache: Cache
    asked: Asked
    asked_at: float
    status: CacheStatus = field(default_factory=CacheStatus)
    plan: Plan | None = None
    kept: Kept | None = None
    given: Kept | None = None
    flight: Flight | None = None
    expected: Expected | None = None
    gathering: Gathering | None = None

    @property
    def wants_body(self) -> bool:
        """Whether the client asked for the content too."""
        return self.asked.method != "HEAD"


def attach(flow: HTTPFlow, attempt: Attempt) -> None:
    """Let later hooks of the flow find its attempt."""
    flow.metadata[_KEY] = attempt


def attempt_of(flow: HTTPFlow) -> Attempt | None:
    """The attempt of a flow; None where no cache has a word."""
    found = flow.metadata.get(_KEY)
    return found if isinstance(found, Attempt) else None
