"""Orders about the process: read everything again, and end in peace."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Final

from addons.serving.control import Refused
from addons.serving.orders.desk import only

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.control import Caller
    from addons.serving.orders.desk import Desk

USUAL: Final = 10.0
"""Seconds that exchanges get to end if nobody says otherwise: as many as after SIGTERM."""
MOST: Final = 3600.0


async def reload(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Read policies, lists, routes, upstreams and certificates again."""
    only(given)
    desk.write_down(caller, "reload", {})
    return await desk.life.reload()


async def drain(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Be ready no more, give exchanges `seconds` to end, and stop. Says how many connections there are."""
    only(given, "seconds")
    seconds = _seconds(given.get("seconds", str(USUAL)))
    if desk.life.is_ending:
        raise Refused("the gateway is ending already")
    connections = len(desk.engine.served)
    desk.write_down(caller, "drain", {"seconds": f"{seconds:g}"}, connections)
    desk.life.end(seconds, "told to drain")
    return {"connections": connections, "seconds": seconds}


def _seconds(written: str) -> float:
    try:
        seconds = float(written)
    except ValueError:
        seconds = math.nan
    if not 0 <= seconds <= MOST:
        raise Refused(f"`{written[:20]}` is no number of seconds from 0 to {MOST:g}")
    return seconds
