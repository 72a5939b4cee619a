"""The section `upstreams`: servers that answer for one another."""

from __future__ import annotations

from typing import Final

from gateway.config.endpoints import parse_server
from gateway.config.sections.common import not_yet, only
from gateway.config.settings import ServerSettings, UpstreamSettings
from gateway.policy.language.records import Values, optional, record, required
from gateway.policy.language.scalars import integer, kebab, text
from gateway.policy.language.shapes import Read, mapping, sequence

UPSTREAM: Final = "upstream"
"""The kind under which upstreams are declared."""


_URL: Final = required(
    "url", text("a URL, like `http://127.0.0.1:8000`").then(parse_server), "Where the server listens."
)
_WEIGHT: Final = optional("weight", integer(1, 100), "Its share of the requests.", 1)


def _server(values: Values) -> Read[ServerSettings]:
    server = values[_URL]
    return ServerSettings(scheme=server.scheme, host=server.host, port=server.port, weight=values[_WEIGHT])


_SERVER: Final = record((_URL, _WEIGHT), _server, wanted='a server, like `{url: "http://127.0.0.1:8000"}`')
_SERVERS: Final = required(
    "servers", sequence(_SERVER, '[{url: "http://127.0.0.1:8000"}]'), "Servers that do the same."
)
_BALANCE: Final = optional(
    "balance",
    only("round_robin", "least_connections", "random_two", "hash"),
    "How one of them is chosen.",
    "round_robin",
)
_UPSTREAM: Final = record(
    (_SERVERS, _BALANCE),
    lambda values: UpstreamSettings(name="", servers=values[_SERVERS]),
    wanted='an upstream, like `{servers: [{url: "http://127.0.0.1:8000"}]}`',
    also=not_yet("health", "outliers", "retries", "queue", "connections", "slow_start"),
)


def _named(upstreams: dict[str, UpstreamSettings]) -> dict[str, UpstreamSettings]:
    return {name: UpstreamSettings(name=name, servers=upstream.servers) for name, upstream in upstreams.items()}


UPSTREAMS: Final = mapping(kebab("the name of an upstream"), _UPSTREAM, "named upstreams").then(_named)
