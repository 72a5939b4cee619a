"""Where records are sent, as an operator writes it: `tls://logs.example:6514`, `https://collector.example:4318/v1/logs`.

A target holds no user information: URLs are shown in errors and in the configuration's copies, secrets never are.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import urlsplit

from gateway.policy.errors import Malformed, quoted

if TYPE_CHECKING:
    from collections.abc import Collection

type Scheme = Literal["tcp", "tls", "http", "https"]

_PORTS: Final = {"http": 80, "https": 443, "tls": 6514}
"""Registered ports; `tcp` has none that syslog receivers agree on."""
_LOOPBACK: Final = re.compile(r"127(\.[0-9]{1,3}){3}|::1|localhost")


@dataclass(frozen=True, slots=True)
class Target:
    """One place. `path` is where requests go, with its query; empty for syslog."""

    scheme: Scheme
    host: str
    port: int
    path: str = ""

    def __str__(self) -> str:
        return f"{self.scheme}://{self.authority}{self.path.partition('?')[0]}"

    @property
    def authority(self) -> str:
        """Host and port; an IPv6 literal in brackets."""
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def is_encrypted(self) -> bool:
        """Whether the receiver is asked for its certificate."""
        return self.scheme in {"tls", "https"}

    @property
    def is_here(self) -> bool:
        """Whether it is this machine, so that nobody listens on the way."""
        return _LOOPBACK.fullmatch(self.host) is not None


def parse_target(url: str, schemes: Collection[Scheme]) -> Target:
    """Read a URL with one of these schemes. Raises Malformed."""
    if "@" in url:  # said without a word of the text: it may hold a password
        raise Malformed("user and password do not belong into a URL, name a file or a variable under `authorization`")
    if not url.isprintable() or not url.isascii() or " " in url or "#" in url:
        raise Malformed(f"{quoted(url)} is no URL of a receiver: it has characters that do not belong there")
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise Malformed(f"{quoted(url)} is no URL of a receiver: its host or port makes no sense") from None
    scheme = next((each for each in schemes if each == parts.scheme), None)
    if scheme is None:
        known = " or ".join(f"`{each}://`" for each in schemes)
        raise Malformed(f"{quoted(url)}: this kind of exporter needs {known}")
    if not host:
        raise Malformed(f"{quoted(url)} names no host")
    port = port or _PORTS.get(scheme)
    if port is None:
        raise Malformed(f"{quoted(url)}: say the port, like `{scheme}://{host}:514`")
    query = f"?{parts.query}" if parts.query else ""
    if scheme in {"tcp", "tls"} and (parts.path not in {"", "/"} or query):
        raise Malformed(f"{quoted(url)}: leave out what follows the port")
    return Target(scheme, host, port, f"{parts.path or '/'}{query}" if scheme in {"http", "https"} else "")
