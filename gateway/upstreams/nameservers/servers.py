"""A name server as the configuration names it: how it is asked, where, and who it has to prove to be.

Every name server is named by its address, so that no name has to be resolved by somebody unverified before the first
question can be asked. One that is asked over TLS or HTTPS proves the name beside the address, or the address itself.

Sources: RFC 1035 (port 53), RFC 7858 (DNS over TLS, port 853), RFC 8484 (DNS over HTTPS).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final, Literal

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed, quoted
from gateway.policy.names import Host, parse_authority
from gateway.policy.paths import parse_absolute

type Transport = Literal["udp", "tls", "https"]

_PORTS: Final[dict[Transport, int]] = {"udp": 53, "tls": 853, "https": 443}
_SCHEME: Final = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://(.*)", re.DOTALL)
_LAST_PORT: Final = 65535


@dataclass(frozen=True, slots=True, kw_only=True)
class NameServer:
    """One server. `name` is what its certificate must be for; `path` the target of DNS over HTTPS.

    `udp` is plain DNS, which takes TCP where an answer does not fit.
    """

    transport: Transport
    address: Address
    port: int
    name: Host
    path: str = ""

    @property
    def encrypted(self) -> bool:
        """Whether nobody on the way can read or change what it is asked."""
        return self.transport != "udp"

    def __str__(self) -> str:
        place = Host.of(self.address).authority(self.port, _PORTS[self.transport])
        if self.transport == "https":
            return f"https://{self.name.authority(self.port, _PORTS['https'])}{self.path} at {self.address}"
        proof = "" if self.name.address == self.address else f"#{self.name}"
        return f"{self.transport}://{place}{proof}"


def parse_name_server(text: str) -> NameServer:
    """Read `192.0.2.1`, `udp://192.0.2.1:5353`, `tls://192.0.2.1#dns.example` or `https://192.0.2.1/dns-query`.

    Raises Malformed.
    """
    found = _SCHEME.fullmatch(text)
    scheme, rest = ("udp", text) if found is None else (found[1].lower(), found[2])
    match scheme:
        case "udp":
            return _plain(text, rest)
        case "tls":
            return _over_tls(text, rest)
        case "https":
            return _over_https(text)
    raise Malformed(f"{quoted(text)}: name servers are asked by `udp://`, `tls://` or `https://`")


def name_server_at(url: str, address: Address) -> NameServer:
    """The server of DNS over HTTPS with this URL, at this address; raises Malformed."""
    try:
        scheme, authority, path = parse_absolute(url)
    except Malformed as error:
        raise Malformed(f"{quoted(url)}: {str(error).removeprefix('target: ')}") from None
    if scheme != "https":
        raise Malformed(f"{quoted(url)}: write `https://`, the server could not prove who it is otherwise")
    if path == "/" or not path.isascii() or set(path) & set("?#{ "):
        raise Malformed(f"{quoted(url)}: write the whole URL without a query, like `https://dns.example/dns-query`")
    name, port = parse_authority(authority, _PORTS["https"])
    if name.address not in {None, address}:
        raise Malformed(f"{quoted(url)}: the address of the URL is not `{address}`, leave one of them out")
    return NameServer(transport="https", address=address, port=port, name=name, path=path)


def _plain(text: str, rest: str) -> NameServer:
    if "#" in rest:
        raise Malformed(f"{quoted(text)}: only `tls://` can prove a name, write `tls://{rest}`")
    address, port = _place(text, rest, "udp")
    return NameServer(transport="udp", address=address, port=port, name=Host.of(address))


def _over_tls(text: str, rest: str) -> NameServer:
    place, hash_, name = rest.partition("#")
    address, port = _place(text, place, "tls")
    proven = Host.parse(name) if hash_ else Host.of(address)
    return NameServer(transport="tls", address=address, port=port, name=proven)


def _over_https(text: str) -> NameServer:
    authority = text.partition("://")[2].partition("/")[0]
    host, _ = parse_authority(authority, _PORTS["https"])
    if host.address is None:
        way = f"write `{{url: {text}, address: 192.0.2.1}}` with its own address"
        raise Malformed(f"{quoted(text)}: nobody could resolve {quoted(host.text)} before the first answer, {way}")
    return name_server_at(text, host.address)


def _place(text: str, rest: str, transport: Transport) -> tuple[Address, int]:
    """An address, with a port or without; never a name, and never another spelling of an address."""
    literal, port = rest.removesuffix("/"), str(_PORTS[transport])
    if literal.startswith("["):
        literal, _, tail = literal[1:].partition("]")
        port = tail.removeprefix(":") if tail else port
    elif literal.count(":") == 1:
        literal, _, port = literal.partition(":")
    try:
        address = Address.parse(literal)
    except Malformed:
        raise Malformed(f"{quoted(text)}: name servers are named by their addresses, {_example(transport)}") from None
    if not (port.isascii() and port.isdigit() and 0 < int(port) <= _LAST_PORT):
        raise Malformed(f"{quoted(text)}: the port has to be a plain number from 1 to {_LAST_PORT}")
    return address, int(port)


def _example(transport: Transport) -> str:
    return "like `tls://192.0.2.1#dns.example`" if transport == "tls" else "like `192.0.2.1` or `[2001:db8::1]:53`"
