"""Orders about upstreams: how their servers stand, and servers that join, drain and leave while requests are under way.

What is ordered here holds until the configuration is read again: that says who belongs to an upstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from addons.serving.control import Refused
from addons.serving.orders.giving import only
from gateway.config.endpoints import parse_server
from gateway.upstreams.parents import leads_to

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.control import Caller
    from addons.serving.orders.desk import Desk
    from addons.upstream.pools import Fleet
    from gateway.config.settings import ServerSettings
    from gateway.upstreams.pools.members import Member

_MOST_WEIGHT: Final = 100


async def upstreams(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Every upstream with its servers."""
    only(given)
    return {"upstreams": [_upstream(each) for each in desk.engine.pools]}


def _upstream(fleet: Fleet) -> dict[str, Any]:
    now = fleet.pool.clock()
    return {
        "name": fleet.name,
        "balance": fleet.pool.rules.balance,
        "checked": fleet.pool.rules.check is not None,
        "servers": [_server(each, now) for each in fleet.pool.members],
    }


def _server(member: Member, now: float) -> dict[str, Any]:
    standing = member.standing(now)
    return {
        "url": member.name,
        "weight": member.server.weight,
        "standing": standing.value,
        "healthy": member.health.is_up,
        "ejected": member.outlier.is_out(now),
        "draining": member.is_draining,
        "in_flight": member.in_flight,
        "note": member.note,
    }


async def change_servers(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Have a server join, drain or leave: `do` is `add`, `drain` or `remove`. Raises Malformed for no server."""
    only(given, "upstream", "do", "url", "weight")
    fleet = _fleet(desk, given.get("upstream"))
    do, url = given.get("do"), given.get("url")
    if do not in {"add", "drain", "remove"} or url is None:
        raise Refused("say what to `do` (`add`, `drain` or `remove`) and the `url` of the server")
    server = parse_server(url, _weight(given.get("weight", "1")))
    if do == "add":
        _check_own(desk, server)
    elif str(server) not in {each.name for each in fleet.pool.members}:
        raise Refused(f"upstream `{fleet.name}` has no server `{server}`")
    elif do == "remove" and not _others(fleet, server):
        raise Refused(f"`{server}` is the last server of `{fleet.name}`, add another one first")
    what = {"do": do, "upstream": fleet.name, "server": str(server)}
    desk.write_down(caller, "upstreams.servers", what, 1)
    if do == "drain":
        fleet.pool.drain(str(server))
    else:
        fleet.pool.renew((*_others(fleet, server), *((server,) if do == "add" else ())))
    desk.engine.checks.renew()
    return _upstream(fleet)


def _fleet(desk: Desk, name: str | None) -> Fleet:
    fleets = {each.name: each for each in desk.engine.pools}
    if name is None or name not in fleets:
        known = ", ".join(f"`{each}`" for each in fleets) or "none, the configuration has no upstreams"
        raise Refused(f"say which `upstream` is meant: {known}")
    return fleets[name]


def _others(fleet: Fleet, server: ServerSettings) -> tuple[Any, ...]:
    """The servers that stay, without this one."""
    return tuple(each.server for each in fleet.pool.members if not each.is_draining and each.name != str(server))


def _check_own(desk: Desk, server: ServerSettings) -> None:
    """A gateway is no server of itself."""
    if leads_to(server.host, server.port, desk.engine.own, desk.engine.settings.resolver.hosts):
        raise Refused(f"`{server}` is this gateway itself, a loop")


def _weight(written: str) -> int:
    if not (written.isascii() and written.isdigit() and 1 <= int(written) <= _MOST_WEIGHT):
        raise Refused(f"`{written[:20]}` is no weight, it is a whole number from 1 to {_MOST_WEIGHT}")
    return int(written)
