"""What a list holds, as a policy sees it: a set of names or of networks, and where it came from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from gateway.policy.domains import DomainSet
    from gateway.policy.names import Host
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

    def find(self, subject: Host) -> str | None:
        """The entry that puts a name or an address on the list, None if it is not on it; a database holds nobody.

        An address is looked at with those that it carries, as a rule does.
        """
        if self.domains is not None:
            return self.domains.find(subject)
        address, networks = subject.address, self.networks
        if address is None or networks is None:
            return None
        found = (networks.find(each) for each in (address, *address.embedded))
        return next((str(network) for network in found if network is not None), None)

    @property
    def memory(self) -> int:
        """Bytes that the entries take in memory; those of a database lie on the disk."""
        return sum(each.memory for each in (self.domains, self.networks) if each is not None)
