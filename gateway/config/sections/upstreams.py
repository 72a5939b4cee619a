"""The section `upstreams`: servers that answer for one another."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Final

from gateway.config.endpoints import parse_server
from gateway.config.sections import pools
from gateway.config.settings import ServerSettings, UpstreamSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Values, optional, record, required
from gateway.policy.language.scalars import DURATION, choice, integer, kebab, text
from gateway.policy.language.shapes import Read, mapping, sequence
from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.rules import PoolRules

UPSTREAM: Final = "upstream"
"""The kind under which upstreams are declared."""

_STOCK: Final = PoolRules()
_URL: Final = required(
    "url", text("a URL, like `http://127.0.0.1:8000`").then(parse_server), "Where the server listens."
)
_WEIGHT: Final = optional("weight", integer(1, 100), "Its share of the requests.", 1)


def _server(values: Values) -> Read[ServerSettings]:
    server = values[_URL]
    return ServerSettings(scheme=server.scheme, host=server.host, port=server.port, weight=values[_WEIGHT])


def _once(servers: tuple[ServerSettings, ...]) -> tuple[ServerSettings, ...]:
    twice = [name for name, times in Counter(map(str, servers)).items() if times > 1]
    if twice:
        raise Malformed(f"`{twice[0]}` stands there twice, name it once and give it a `weight`")
    return servers


_SERVER: Final = record((_URL, _WEIGHT), _server, wanted='a server, like `{url: "http://127.0.0.1:8000"}`')
_SERVERS: Final = required(
    "servers", sequence(_SERVER, '[{url: "http://127.0.0.1:8000"}]').then(_once), "Servers that do the same."
)
_BALANCE: Final = optional("balance", choice(pools.BALANCES), "How one of them is chosen.", _STOCK.balance)
_HASH: Final = optional("hash", pools.HASH, "Who is sent to the same server again.", _STOCK.hash_by)
_HEALTH: Final = optional("health", pools.HEALTH, "How the servers are looked after.", None)
_OUTLIERS: Final = optional("outliers", pools.OUTLIERS, "When a server is spared for a while.", _STOCK.outliers)
_RETRIES: Final = optional("retries", pools.RETRIES, "When another server is tried.", _STOCK.retries)
_QUEUE: Final = optional("queue", pools.QUEUE, "Who waits when all servers are busy.", _STOCK.queue)
_CONNECTIONS: Final = optional(
    "connections", integer(1, 100_000), "The most requests that one server has at a time.", _STOCK.connections
)
_SLOW_START: Final = optional("slow_start", DURATION, "How long a new server takes to its full share.", 0.0)


def _upstream(values: Values) -> Read[UpstreamSettings]:
    if values.has(_HASH) and values[_BALANCE] != "hash":
        raise Malformed("`hash` means something only with `balance: hash`, write that too or leave it out")
    check, health = values[_HEALTH] or (None, HealthRules())
    rules = PoolRules(
        balance=values[_BALANCE],
        hash_by=values[_HASH],
        check=check,
        health=health,
        outliers=values[_OUTLIERS],
        retries=values[_RETRIES],
        queue=values[_QUEUE],
        connections=values[_CONNECTIONS],
        slow_start=values[_SLOW_START],
    )
    return UpstreamSettings(name="", servers=values[_SERVERS], rules=rules)


_UPSTREAM: Final = record(
    (_SERVERS, _BALANCE, _HASH, _HEALTH, _OUTLIERS, _RETRIES, _QUEUE, _CONNECTIONS, _SLOW_START),
    _upstream,
    wanted='an upstream, like `{servers: [{url: "http://127.0.0.1:8000"}]}`',
)


def _named(upstreams: dict[str, UpstreamSettings]) -> dict[str, UpstreamSettings]:
    return {name: replace(upstream, name=name) for name, upstream in upstreams.items()}


UPSTREAMS: Final = mapping(kebab("the name of an upstream"), _UPSTREAM, "named upstreams").then(_named)
