"""Which requests may be tried again at another server, after what.

A request that never reached a server may always go to another. One that may have reached it goes again only if doing
it twice is doing it once (RFC 9110 section 9.2.2) and nothing of its body has left the gateway.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Final

IDEMPOTENT: Final = frozenset({"GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE"})
"""Methods of which two are like one (RFC 9110 section 9.2.2)."""

OVERLOADED: Final = frozenset({502, 503, 504})
"""Answers with which a server says that it cannot now, and another one may."""


class Failure(Enum):
    """What went wrong at a server, as far as the request is concerned."""

    NOT_REACHED = auto()
    """There was no connection: nothing of the request was sent."""
    BROKEN_OFF = auto()
    """The connection ended before one byte of an answer."""
    OVERLOADED = auto()
    """The server answered, with one of `OVERLOADED`."""


@dataclass(frozen=True, slots=True)
class RetryRules:
    """At most so many tries more for one request, and for all of them a share of the requests."""

    most: int = 2
    budget: float = 0.2


def is_repeatable(failure: Failure, method: str, *, body_begun: bool) -> bool:
    """Whether a request of this method may be sent to another server."""
    return failure is Failure.NOT_REACHED or (method in IDEMPOTENT and not body_begun)
