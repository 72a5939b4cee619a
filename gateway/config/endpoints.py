"""Addresses to listen on and servers to dial, as they are written in a file or on the command line."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from gateway.config.settings import Scheme, ServerSettings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.operands import MAX_PORT
from gateway.policy.names import parse_authority
from gateway.policy.paths import parse_absolute

if TYPE_CHECKING:
    from collections.abc import Mapping

_BIND: Final = re.compile(r"(?:\[([^\]]+)\]|([^:\[\]]+)):([0-9]{1,5})")
_PORTS: Final[Mapping[Scheme, int]] = {"http": 80, "https": 443}


def parse_bind(text: str) -> tuple[Address, int]:
    """Read `127.0.0.1:8080` or `[::1]:8080`; port 0 leaves the choice to the system. Raises Malformed."""
    found = _BIND.fullmatch(text)
    if found is None:
        way = f"write `127.0.0.1:{text}`" if text.isascii() and text.isdigit() else "write it like `127.0.0.1:8080`"
        raise Malformed(f"{quoted(text)} is no address to listen on, {way}")
    literal, port = found[1] or found[2], int(found[3])
    if port > MAX_PORT:
        raise Malformed(f"{quoted(text)}: ports go up to {MAX_PORT}")
    try:
        return Address.parse(literal), port
    except Malformed:
        raise Malformed(
            f"{quoted(text)}: write the address itself, like `127.0.0.1:{port}` or `[::1]:{port}`"
        ) from None


def parse_server(url: str, weight: int = 1) -> ServerSettings:
    """Read `http://127.0.0.1:8000`; raises Malformed. A path would be one that is never judged, so it is refused."""
    try:
        scheme, authority, target = parse_absolute(url)
    except Malformed as error:
        raise Malformed(f"this is no URL of a server: {str(error).removeprefix('target: ')}") from None
    known: Scheme = "https" if scheme == "https" else "http"
    if target != "/":
        raise Malformed(f"{quoted(url)}: leave out what follows the host and port, requests bring their own path")
    host, port = parse_authority(authority, _PORTS[known])
    return ServerSettings(scheme=known, host=host, port=port, weight=weight)
