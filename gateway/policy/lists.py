"""What a list holds, as a policy sees it: a set of names or of networks, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.policy.domains import DomainSet
    from gateway.policy.networks import AddressSet


@dataclass(frozen=True, slots=True, kw_only=True)
class ListContent:
    """The content of one list. A domain list has `domains`, a network list `networks`, a database neither.

    `digest` is that of the bytes that were read (`sha256:...`). `modified` is the time of the file in seconds since
    the epoch, and `file` the path of the copy in force; both are None for entries that the policy itself holds.
    """

    name: str
    type: Literal["domain", "network", "database"]
    entries: int
    digest: str
    modified: float | None = None
    domains: DomainSet | None = None
    networks: AddressSet | None = None
    file: str | None = None
