"""What the cache did, said in `Cache-Status` (RFC 9211): for people who debug, and for the audit log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

type Forwarded = Literal["bypass", "method", "uri-miss", "vary-miss", "request", "stale"]
"""Why the origin was asked (section 2.2)."""

NAME: Final = "gateway"
"""The cache's name; it says nothing of the product (section 2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CacheStatus:
    """`left` is how much longer the answer is fresh, in seconds; below 0 it is stale. `detail` is a word of ours."""

    hit: bool = False
    forwarded: Forwarded | None = None
    status: int | None = None
    left: float | None = None
    stored: bool = False
    collapsed: bool = False
    detail: str | None = None

    def __str__(self) -> str:
        parts = [NAME]
        if self.hit:
            parts.append("hit")
        if self.forwarded is not None:
            parts.append(f"fwd={self.forwarded}")
        if self.status is not None:
            parts.append(f"fwd-status={self.status}")
        if self.left is not None:
            parts.append(f"ttl={int(self.left // 1)}")
        parts += [name for name, said in (("stored", self.stored), ("collapsed", self.collapsed)) if said]
        if self.detail is not None:
            parts.append(f'detail="{self.detail}"')
        return "; ".join(parts)
