"""Who the client is, and what a backend is told about it.

Trust nobody by default: without trusted proxies the client is the other end of the socket and everything that it
says about forwarding is dropped. Behind trusted proxies the walk goes right to left over all X-Forwarded-For lines;
the first address that is no trusted proxy is the client.

A trace goes on only where a trusted proxy says so; everybody else's is dropped, and the application begins its own.

Source: RFC 7239 (Forwarded), RFC 9110 section 7.6.3 (Via), RFC 9440 (Client-Cert), W3C Trace Context.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from addons.judging.exchange import Exchange

type RawField = tuple[bytes, bytes]

FORWARDING: Final = frozenset(
    {
        "cf-connecting-ip",
        "cf-connecting-ipv6",
        "client-ip",
        "fastly-client-ip",
        "forwarded",
        "front-end-https",
        "remote-addr",
        "remote-user",
        "true-client-ip",
        "via",
        "x-appengine-user-ip",
        "x-arr-clientcert",
        "x-azure-clientip",
        "x-azure-socketip",
        "x-cluster-client-ip",
        "x-host",
        "x-http-host-override",
        "x-http-method",
        "x-http-method-override",
        "x-method-override",
        "x-originating-ip",
        "x-request-id",
        "x-rewrite-url",
        "x-url-scheme",
    }
)
"""What a client must not tell a backend: who it is, where it came in, what it asked for in other words."""

FORWARDING_PREFIXES: Final = (
    "client-cert",
    "ssl-client-",
    "x-client-",
    "x-envoy-",
    "x-forwarded",
    "x-original-",
    "x-real-",
    "x-remote-",
    "x-ssl-",
)
"""How the names of whole families of such fields begin."""

TRACE: Final = frozenset({"baggage", "traceparent", "tracestate"})
"""What a request tells of the trace that it belongs to (W3C Trace Context, Baggage)."""

_TRACEPARENT: Final = re.compile(r"(?!ff)[0-9a-f]{2}-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")
_ENTRY: Final = re.compile(r"(?:\[(?P<six>[^\[\]]*)\]|(?P<four>[^:]*))(?::[0-9]{1,5})?")
_SCHEMES: Final = frozenset({"http", "https"})


def is_claim(name: str) -> bool:
    """Whether a field, its name in lower case, is one of those that only the gateway writes, or nobody."""
    return name in FORWARDING or name.startswith(FORWARDING_PREFIXES)


def continues_trace(parents: Sequence[str]) -> bool:
    """Whether the values of `traceparent` name one trace. A trace that is named twice, or badly, is none."""
    return len(parents) == 1 and _TRACEPARENT.fullmatch(parents[0]) is not None


def is_trusted(peer: Address, trusted: Sequence[Network]) -> bool:
    """Whether `peer` is one of the proxies whose word counts."""
    return any(peer in network for network in trusted)


def client_address(peer: Address, trusted: Sequence[Network], lines: Iterable[str]) -> Address:
    """The client: `peer`, or whom the trusted proxies in front name. `lines` are the X-Forwarded-For values in order.

    An entry that is no address ends the walk: nothing to the left of it is believed.
    """
    client = peer
    entries = [entry for line in lines for entry in line.split(",")]
    while entries and is_trusted(client, trusted):
        named = _entry(entries.pop())
        if named is None:
            break
        client = named
    return client


def _entry(text: str) -> Address | None:
    """One entry of X-Forwarded-For: an address, with a port or without."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] == '"':
        text = text[1:-1]
    found = _ENTRY.fullmatch(text)
    named = text if found is None else found["six"] or found["four"] or ""
    try:
        return Address.parse(named)
    except Malformed:
        return None


def client_scheme(own: str, lines: Sequence[str]) -> str:
    """The scheme that a trusted proxy was asked for: what it says in the last X-Forwarded-Proto, else our `own`."""
    named = lines[-1].rpartition(",")[2].strip().lower() if lines else ""
    return named if named in _SCHEMES else own


def forwarding_fields(exchange: Exchange, host: bytes, pseudonym: str, version: str) -> list[RawField]:
    """What the backend is told: client, scheme, host and port as this gateway saw them, and the decision id.

    A client that proved who it is by a certificate is told by that (RFC 9440 section 2.2).

    `host` is the canonical Host of the request, `version` the client's HTTP version without its name.
    """
    facts, state = exchange.facts, exchange.connection
    scheme = str(facts.scheme)
    client = facts.client_ip if isinstance(facts.client_ip, Address) else state.peer
    return [
        *(() if state.identity is None else ((b"Client-Cert", state.identity.field),)),
        (b"X-Forwarded-For", str(client).encode()),
        (b"X-Forwarded-Proto", scheme.encode()),
        (b"X-Forwarded-Host", host),
        (b"X-Forwarded-Port", str(facts.port).encode()),
        (b"Forwarded", f'for={_node(client)};host="{host.decode("ascii")}";proto={scheme}'.encode()),
        via(pseudonym, version),
        (b"X-Request-Id", exchange.id.encode()),
    ]


def _node(client: Address) -> str:
    return str(client) if client.version == 4 else f'"[{client}]"'  # noqa: PLR2004 - the version of IP is its name


def via(pseudonym: str, version: str) -> RawField:
    """The Via entry of this gateway, under a name that tells nothing but the gateway itself."""
    return (b"Via", f"{version} {pseudonym}".encode())


def is_looping(lines: Iterable[str], pseudonym: str) -> bool:
    """Whether a request already came through this gateway: its own name stands in one of the Via lines."""
    return any(part.split()[1:2] == [pseudonym] for line in lines for part in line.split(","))
