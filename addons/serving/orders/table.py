"""All orders of the engine by the words that they are given with, put together in one place."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from addons.caching.orders import CacheOrders
from addons.serving.orders.limits import limits
from addons.serving.orders.lists import lists, lookup, refresh
from addons.serving.orders.metrics import MetricsOrder
from addons.serving.orders.policies import explaining, policies
from addons.serving.orders.process import drain, reload
from addons.serving.orders.status import status
from addons.serving.orders.upstreams import change_servers, upstreams

if TYPE_CHECKING:
    from addons.serving.control import Verb
    from addons.serving.orders.desk import Desk


def orders(desk: Desk) -> dict[str, Verb]:
    """The table of one engine: every verb with what carries it out."""
    engine = desk.engine
    own = {
        "status": status,
        "reload": reload,
        "drain": drain,
        "policies": policies,
        "lists": lists,
        "lists.lookup": lookup,
        "lists.refresh": refresh,
        "explain": explaining,
        "upstreams": upstreams,
        "upstreams.servers": change_servers,
        "limits": limits,
    }
    return {
        **{name: partial(order, desk) for name, order in own.items()},
        **MetricsOrder(engine.measuring).verbs,
        **CacheOrders(engine.caches, engine.writer.append, desk.clock).verbs,
    }
