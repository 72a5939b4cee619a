"""Orders about the process: read everything again, and end in peace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addons.serving.control import Refused
from addons.serving.orders.giving import only, seconds_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.control import Caller
    from addons.serving.orders.desk import Desk


async def reload(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Read policies, lists, routes, upstreams and certificates again."""
    only(given)
    desk.write_down(caller, "reload", {})
    return await desk.life.reload()


async def drain(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Be ready no more, give exchanges `seconds` to end, and stop. Says how many connections there are."""
    only(given, "seconds")
    seconds = seconds_of(given)
    if desk.life.is_ending:
        raise Refused("the gateway is ending already")
    connections = len(desk.engine.served)
    desk.write_down(caller, "drain", {"seconds": f"{seconds:g}"}, connections)
    desk.life.end(seconds, "told to drain")
    return {"connections": connections, "seconds": seconds}
