"""What orders are given, read: nothing that has no use for them, and numbers that make sense."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Final

from addons.serving.control import Refused

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

USUAL: Final = 10.0
"""Seconds that exchanges get to end if nobody says otherwise: as many as after SIGTERM."""
MOST: Final = 3600.0


def seconds_of(given: Mapping[str, str]) -> float:
    """How many `seconds` exchanges get to end. Raises Refused."""
    written = given.get("seconds", str(USUAL))
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST:
        raise Refused(f"`{written[:20]}` is no number of seconds from 0 to {MOST:g}")
    return seconds


def only(given: Mapping[str, str], *known: str) -> None:
    """Refuse what an order has no use for. Raises Refused."""
    if unknown := sorted(given.keys() - set(known)):
        ways = f"it takes {_listed(known)}" if known else "it takes nothing"
        raise Refused(f"{_listed(unknown)} means nothing to this order, {ways}")


def _listed(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
