"""Who the client is, and what a backend is told about it.

Trust nobody by default: without trusted proxies the client is the other end of the socket and everything that it
says about forwarding is dropped. Behind trusted proxies the walk goes right to left over all X-Forwarded-For lines;
the first address that is no trusted proxy is the client.

Source: RFC 7239 (Forwarded), RFC 9110 section 7.6.3 (Via).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from addons.exchange import Exchange

type RawField = tuple[bytes, bytes]

FORWARDING: Final = frozenset(
    {
        "client-cert",
        "client-cert-chain",
        "forwarded",
        "via",
        "ssl-client-cert",
        "ssl-client-subject-dn",
        "ssl-client-verify",
        "x-client-cert",
        "x-client-ip",
        "x-cluster-client-ip",
        "x-forwarded",
        "x-forwarded-by",
        "x-forwarded-client-cert",
        "x-forwarded-for",
        "x-forwarded-host",
        "x-forwarded-port",
        "x-forwarded-prefix",
        "x-forwarded-proto",
        "x-forwarded-protocol",
        "x-forwarded-scheme",
        "x-forwarded-server",
        "x-forwarded-ssl",
        "x-forwarded-uri",
        "x-forwarded-user",
        "x-host",
        "x-original-host",
        "x-original-url",
        "x-real-ip",
        "x-ssl-client-cert",
        "x-ssl-client-verify",
        "x-ssl-client-dn",
        "x-ssl-cert",
        "x-request-id",
        "x-rewrite-url",
        "true-client-ip",
        "cf-connecting-ip",
        "fastly-client-ip",
        "front-end-https",
    }
)
"""What a client must not tell a backend: who it is, where it came in, what it asked for."""


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
    text = text.strip().strip('"')
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        return Address.parse(text)
    except Malformed:
        return None


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
