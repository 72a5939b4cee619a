"""The section `resolver`: how names become addresses."""

from __future__ import annotations

from pathlib import Path
from typing import Final

from gateway.config.settings import ResolverSettings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import DURATION, text
from gateway.policy.language.shapes import Read, Shape, by_kind, mapping, sequence
from gateway.policy.names import Host
from gateway.upstreams.nameservers.servers import NameServer, name_server_at, parse_name_server


def _answered_here(name: str) -> str:
    """`db.example` is that name alone, `.example` that name and all below."""
    dot = "." if name.startswith(".") else ""
    return dot + Host.parse(name.removeprefix(".")).text


_HOST_NAME: Final = text("a host name, or `.example` for it and all below").then(_answered_here)
_ADDRESS: Final = text("an address, like `10.0.0.1`").then(Address.parse)
_RESOLVER_HOSTS: Final[Key[dict[str, tuple[Address, ...]]]] = optional(
    "hosts",
    mapping(
        _HOST_NAME,
        sequence(_ADDRESS, "[10.0.0.1]", may_be_empty=True),
        "names with their addresses, like `{db.example: [10.0.0.1]}`",
    ),
    "Names that are answered here and not by the system; no address at all means no such name.",
    {},
)
_SYSTEM: Final = "system"


def _server(written: str) -> NameServer | None:
    return None if written == _SYSTEM else parse_name_server(written)


_URL: Final = required("url", text("a URL, like `https://dns.example/dns-query`"), "Where it is asked.")
_AT: Final = required("address", _ADDRESS, "Its address, so that nobody has to be asked for it.")
_SERVER: Final[Shape[NameServer | None]] = by_kind(
    "a name server, like `192.0.2.1`, `tls://192.0.2.1#dns.example` or `{url: ..., address: ...}`",
    scalar=text("a name server, like `192.0.2.1`").then(_server),
    mapping=record(
        (_URL, _AT),
        lambda values: name_server_at(values[_URL], values[_AT]),
        wanted="`{url: https://dns.example/dns-query, address: 192.0.2.1}`",
    ),
)


def _all_alike(servers: tuple[NameServer | None, ...]) -> tuple[NameServer, ...]:
    """Servers that can stand in for one another without anybody on the way deciding which one is asked."""
    found = tuple(server for server in servers if server is not None)
    if len(found) < len(servers) and len(servers) > 1:
        raise Malformed("`system` asks whom the machine is configured to ask, it stands alone")
    if len({server.encrypted for server in found}) > 1:
        raise Malformed(
            "whoever blocks the servers that are asked over TLS would get the questions in the open: "
            "name only such servers, or only plain ones"
        )
    if len(set(found)) < len(found):
        raise Malformed("a server is named twice, leave one of them out")
    return found


_SERVERS: Final = optional(
    "servers",
    sequence(_SERVER, "[tls://192.0.2.1#dns.example]").then(_all_alike),
    "Who is asked, in this order; the system if left out.",
    (),
)
_TRUST: Final = optional(
    "trust", text("the path of a file of certificates"), "Authorities of the servers, in place of the system's.", None
)
_TIMEOUT: Final = optional("timeout", DURATION, "How long an answer may take.", 5.0)
_AT_LEAST: Final = optional("keep_at_least", DURATION, "How long an answer is kept at least.", 0.0)
_AT_MOST: Final = optional("keep_at_most", DURATION, "How long an answer is kept at most.", 300.0)


def _resolver(values: Values) -> Read[ResolverSettings]:
    servers, trust = values[_SERVERS], values[_TRUST]
    if trust is not None and not any(server.encrypted for server in servers):
        raise Malformed("`trust` has no effect without `tls://` or `https://` servers, leave it out")
    if values[_AT_LEAST] > values[_AT_MOST]:
        raise Malformed("`keep_at_least` is longer than `keep_at_most`")
    return ResolverSettings(
        hosts=values[_RESOLVER_HOSTS],
        servers=servers,
        trust=None if trust is None else Path(trust),
        timeout=values[_TIMEOUT],
        keep_at_least=values[_AT_LEAST],
        keep_at_most=values[_AT_MOST],
    )


RESOLVER: Final = record(
    (_RESOLVER_HOSTS, _SERVERS, _TRUST, _TIMEOUT, _AT_LEAST, _AT_MOST),
    _resolver,
    wanted="`{hosts: {db.example: [10.0.0.1]}}`",
)
