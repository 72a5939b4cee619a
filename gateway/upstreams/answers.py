"""Answers that a route gives by itself, without an upstream: a redirect, or a fixed response.

A redirect leads to the scheme and host of the configuration, always. Of a request nothing comes into its `Location`
but the canonical path and query that were judged, which hold no control character, no space and no `#`, and which
follow a complete authority: no request can lead anybody elsewhere, or begin another field.

Source: RFC 9110 sections 10.2.2 (Location) and 15.4 (redirection).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, Self

from gateway.policy.errors import Malformed, quoted
from gateway.policy.names import parse_authority
from gateway.policy.paths import REVERSE_RULES, Target, parse_absolute

type RedirectStatus = Literal["301", "302", "303", "307", "308"]
type Kept = Literal["path-and-query", "query", "nothing"]

MOST_BODY: Final = 1024 * 1024
"""The largest body of a fixed response, in bytes: it lies in memory."""
_PORTS: Final = {"http": 80, "https": 443}


@dataclass(frozen=True, slots=True)
class Redirect:
    """A redirect to `origin` (`https://shop.example`, or nothing for the place that was asked).

    `path` stands in the place of the request's own, `query` in that of its query, if they are not None; else the
    request's path is kept, and its query if `keeps_query`.
    """

    status: int
    origin: str
    path: str | None = None
    query: str | None = None
    keeps_query: bool = True

    @classmethod
    def to(cls, text: str, status: int = 308, kept: Kept | None = None) -> Self:
        """Read `https://shop.example`, with a path and a query or without, or a path alone. Raises Malformed."""
        origin, rest = _origin(text)
        target = Target.parse(rest, REVERSE_RULES)
        if target.sent != rest:
            raise Malformed(f"{quoted(text)}: write the path in its canonical form, `{target.sent}`")
        alone = target.path == "/" and target.query is None and origin != ""
        keep = kept or ("path-and-query" if alone else "query" if target.query is None else "nothing")
        if keep == "path-and-query" and not alone:
            raise Malformed(f"{quoted(text)} brings a path, leave out its path or `keep: path-and-query`")
        if keep == "query" and target.query is not None:
            raise Malformed(f"{quoted(text)} brings a query, leave out its query or `keep: query`")
        path = None if keep == "path-and-query" else target.path
        return cls(status, origin, path, target.query, keep != "nothing")

    @property
    def keeps_path(self) -> bool:
        """Whether the path of the request goes into the answer."""
        return self.path is None

    def location(self, path: str, query: str | None) -> str:
        """Where a request for this canonical path and query is led."""
        there = self.path if self.path is not None else path if path.startswith("/") else "/"
        asked = self.query if self.query is not None else query if self.keeps_query else None
        return self.origin + there + ("" if asked is None else f"?{asked}")

    def __str__(self) -> str:
        end = "?..." if self.keeps_query and self.query is None else "" if self.query is None else f"?{self.query}"
        return f"redirect {self.status} to {self.origin}{'/...' if self.path is None else self.path}{end}"


@dataclass(frozen=True, slots=True)
class FixedResponse:
    """The same answer to every request. `type` is the media type of the body, nothing for an answer without one."""

    status: int
    body: bytes = b""
    type: str = ""

    def __str__(self) -> str:
        return f"respond {self.status}" + (f" ({len(self.body)} bytes, {self.type})" if self.body else "")


type OwnAnswer = Redirect | FixedResponse


def _origin(text: str) -> tuple[str, str]:
    if text.startswith("/"):
        return "", text
    scheme, authority, rest = parse_absolute(text)
    host, port = parse_authority(authority, _PORTS[scheme])
    return f"{scheme}://{host.authority(port, _PORTS[scheme])}", rest
