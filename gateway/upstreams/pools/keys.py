"""Who asks, for pools that send the same one to the same server: a client, or what a field or a cookie says.

Whoever brings no such field or cookie is known by its address, so that not all of them meet at one server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.policy.addresses import Address
    from gateway.policy.headers import Fields


@dataclass(frozen=True, slots=True)
class HashBy:
    """What makes two requests those of the same one; `name` is that of a header field or of a cookie."""

    kind: Literal["client", "header", "cookie"] = "client"
    name: str = ""

    def key(self, client: Address | None, fields: Fields | None) -> bytes:
        """Who asks, by the fields of a request. An IPv6 client is its whole /64."""
        found = () if fields is None or self.kind == "client" else self._found(fields)
        if found:
            return f"{self.kind}:{found[0]}".encode("utf-8", "surrogateescape")
        return b"" if client is None else f"client:{client.bucket}".encode("ascii")

    def _found(self, fields: Fields) -> tuple[str, ...]:
        if self.kind == "header":
            return tuple(value for value in fields.get_all(self.name.lower()) if value)
        pairs = (pair.partition("=") for line in fields.get_all("cookie") for pair in line.split(";"))
        return tuple(value.strip() for name, _, value in pairs if name.strip() == self.name and value.strip())
