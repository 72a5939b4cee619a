"""Orders about lists: what they hold, who is on them, and having those fetched that are fetched."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from addons.serving.control import Refused
from addons.serving.orders.giving import only
from gateway.control.listing import holders, list_data
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from addons.serving.control import Caller
    from addons.serving.listeners import Listener
    from addons.serving.orders.desk import Desk


async def lists(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """The lists in force: how much they hold, where that is from, how old it is, and whether that is too old."""
    only(given)
    now, listeners = desk.clock(), desk.engine.listeners
    return {"lists": [row for each in listeners for row in rows_of(each, now)]}


def rows_of(listener: Listener, now: float) -> Iterator[dict[str, Any]]:
    """How the lists of one listener are, at this moment in seconds since the epoch."""
    store = listener.store
    for name, each in store.lists.items():
        yield list_data(listener.name, each, store.users, now, store.unfetched.get(name))


async def lookup(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """The lists in force that hold `subject`, a name or an address. Raises Malformed for what is neither."""
    only(given, "subject")
    if "subject" not in given:
        raise Refused("say who is looked for: `subject`, a name or an address")
    subject = Host.parse(given["subject"])
    stores = [(each.name, each.store) for each in desk.engine.listeners]
    found = [held for name, store in stores for held in holders(name, store.lists, store.users, subject)]
    return {"subject": subject.text, "found": found, "looked_at": sum(len(store.lists) for _, store in stores)}


async def refresh(desk: Desk, caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """Fetch every list that is fetched, put in force what came, and say what came of each."""
    only(given)
    desk.write_down(caller, "lists.refresh", {})
    return await desk.life.refresh_lists()
