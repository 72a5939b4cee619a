"""The section `resolver`: how names become addresses."""

from __future__ import annotations

from typing import Final

from gateway.config.settings import ResolverSettings
from gateway.policy.addresses import Address
from gateway.policy.language.records import Key, optional, record
from gateway.policy.language.scalars import DURATION, text
from gateway.policy.language.shapes import mapping, sequence
from gateway.policy.names import Host


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
_TIMEOUT: Final = optional("timeout", DURATION, "How long an answer may take.", 5.0)
RESOLVER: Final = record(
    (_RESOLVER_HOSTS, _TIMEOUT),
    lambda values: ResolverSettings(hosts=values[_RESOLVER_HOSTS], timeout=values[_TIMEOUT]),
    wanted="`{hosts: {db.example: [10.0.0.1]}}`",
)
