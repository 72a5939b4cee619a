"""Hiding the backend: what its answers say of itself is dropped, what points to it is made to point to the gateway.

Rewritten are Location, Content-Location, Refresh and Link if their authority is a server of the upstream, and the
Domain of a cookie that names one; anything that names another host is the application's own business.

Source: RFC 9110 sections 10.2.2 and 8.7 (Location, Content-Location), RFC 8288 (Link), RFC 6265 section 5.2.3 (Domain).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from gateway.policy.errors import Malformed
from gateway.policy.names import parse_authority

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from mitmproxy.http import Request

    from addons.judging.exchange import Endpoint, Exchange

type RawField = tuple[bytes, bytes]

TELLTALE: Final = frozenset(
    {"server", "via", "x-generator", "x-runtime", "x-served-by", "x-sourcefiles", "x-varnish", "x-version"}
)
"""Fields that tell which software answers behind the gateway, or which machine."""

TELLTALE_PREFIXES: Final = (
    "x-aspnet",
    "x-backend",
    "x-debug-",
    "x-drupal-",
    "x-envoy-",
    "x-php-",
    "x-powered-",
    "x-upstream",
)
"""How the names of whole families of such fields begin."""

_REFERENCES: Final = frozenset({b"location", b"content-location"})
_TELLING: Final = _REFERENCES | {b"link", b"refresh", b"set-cookie"}
_REFERENCE: Final = re.compile(
    rb"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*):)?//(?:[^/?#\\@]*@)?(?P<authority>[^/?#\\@]*)(?![^/?#\\])"
)
_LINKED: Final = re.compile(rb"(?<=<)[^<>]*(?=>)")
_REFRESH: Final = re.compile(rb"(?P<head>[0-9.\s]*[;,]?\s*(?:url\s*=\s*)?[\"']?)(?P<url>.*)", re.IGNORECASE | re.DOTALL)
_PORTS: Final = {b"http": 80, b"https": 443}


@dataclass(frozen=True, slots=True)
class Front:
    """The face of the gateway to the client: scheme and authority under which it was asked."""

    scheme: bytes
    authority: bytes

    @classmethod
    def of(cls, exchange: Exchange, request: Request) -> Self:
        """The face that this request saw."""
        return cls(str(exchange.facts.scheme).encode(), request.headers["host"].encode("ascii"))


def may_name_backend(fields: Iterable[RawField]) -> bool:
    """Whether there is a field of those that `hide` looks into."""
    return any(name.lower() in _TELLING for name, _ in fields)


def hide(fields: list[RawField], front: Front, servers: frozenset[Endpoint]) -> list[RawField]:
    """The fields with every reference to one of `servers`, the backends of the route, turned into one to `front`."""
    hosts = {host for host, _ in servers}
    return [(name, _hidden(name.lower(), value, front, servers, hosts)) for name, value in fields]


def _hidden(name: bytes, value: bytes, front: Front, endpoints: Collection[Endpoint], hosts: Collection[str]) -> bytes:
    if name in _REFERENCES:
        return _reference(value, front, endpoints)
    if name == b"refresh" and (found := _REFRESH.fullmatch(value)) is not None:
        return found["head"] + _reference(found["url"], front, endpoints)
    if name == b"link":
        return _LINKED.sub(lambda found: _reference(found[0], front, endpoints), value)
    if name == b"set-cookie":
        return _cookie(value, hosts)
    return value


def _reference(value: bytes, front: Front, endpoints: Collection[Endpoint]) -> bytes:
    found = _REFERENCE.match(value)
    if found is None:
        return value
    ports = [_PORTS.get(found["scheme"].lower())] if found["scheme"] else list(_PORTS.values())
    if not any(port and _endpoint(found["authority"], port) in endpoints for port in ports):
        return value
    start = front.scheme + b"://" if found["scheme"] else b"//"
    return start + front.authority + value[found.end() :]


def _endpoint(authority: bytes, port: int) -> tuple[str, int] | None:
    try:
        host, named = parse_authority(authority.decode("latin-1"), port)
    except Malformed:
        return None
    return host.text, named


def _cookie(value: bytes, hosts: Collection[str]) -> bytes:
    """A cookie without a Domain that names a backend: it then belongs to the host that the client asked."""
    first, *attributes = value.split(b";")
    return b";".join([first, *(each for each in attributes if not _names_backend(each, hosts))])


def _names_backend(attribute: bytes, hosts: Collection[str]) -> bool:
    name, _, domain = attribute.decode("latin-1").partition("=")
    return name.strip().lower() == "domain" and domain.strip().lower().strip(".") in hosts
