"""Name constraints: for which hosts an authority may sign at all, so that a stolen key opens nothing else.

A name stands for itself and all below it. Names are bounded by names and addresses by networks: constraints that
permit no name at all say so with `invalid`, which no host has (RFC 6761), and those that permit no network exclude all.

Source: RFC 5280 section 4.2.1.10.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Self

from cryptography import x509

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network
type Subtree = str | Network
"""A name with all below it (only what is below, if it begins with a dot), or a network."""

_NO_NAME: Final = "invalid"
_ALL_NETWORKS: Final[tuple[Network, ...]] = (ipaddress.IPv4Network("0.0.0.0/0"), ipaddress.IPv6Network("::/0"))


@dataclass(frozen=True, slots=True)
class Constraints:
    """What is permitted (all of a kind of which nothing is named) and what is excluded from it."""

    permitted: tuple[Subtree, ...] = ()
    excluded: tuple[Subtree, ...] = ()

    @classmethod
    def parse(cls, permitted: Iterable[str], excluded: Iterable[str]) -> Self:
        """Of names and networks as text. If anything is permitted, nothing else is. Raises ValueError."""
        wanted, unwanted = [subtree(each) for each in permitted], [subtree(each) for each in excluded]
        if wanted and all(isinstance(each, str) for each in wanted):
            unwanted += [each for each in _ALL_NETWORKS if each not in unwanted]
        elif wanted and not any(isinstance(each, str) for each in wanted):
            wanted.append(_NO_NAME)
        return cls(tuple(wanted), tuple(unwanted))

    @classmethod
    def of(cls, certificate: x509.Certificate) -> Self:
        """Those that stand in a certificate, as far as they are about hosts."""
        try:
            found = certificate.extensions.get_extension_for_class(x509.NameConstraints).value
        except x509.ExtensionNotFound:
            return cls()
        return cls(_about_hosts(found.permitted_subtrees), _about_hosts(found.excluded_subtrees))

    def extension(self) -> x509.NameConstraints | None:
        """As they stand in a certificate; None if nothing is constrained."""
        if not self.permitted and not self.excluded:
            return None
        return x509.NameConstraints(_general(self.permitted) or None, _general(self.excluded) or None)

    def objection(self, host: str) -> str | None:
        """Why there may be no certificate for a canonical host, or None. Nothing is in backticks: records mask that."""
        place = _address(host)
        for each in self.excluded:
            if _holds(each, place):
                return f"its name constraints exclude {each or 'everything'}"
        own_kind = [each for each in self.permitted if isinstance(each, str) is isinstance(place, str)]
        if own_kind and not any(_holds(each, place) for each in own_kind):
            return f"its name constraints permit {', '.join(map(str, own_kind))} alone"
        return None


def subtree(text: str) -> Subtree:
    """A name or a network, as it is written. Raises ValueError for a network with bits of a host."""
    try:
        return ipaddress.ip_network(text)
    except ValueError:
        if "/" in text:
            raise
        return text


def _about_hosts(names: Sequence[x509.GeneralName] | None) -> tuple[Subtree, ...]:
    found: list[Subtree] = []
    for each in names or ():
        if isinstance(each, x509.DNSName):
            found.append(each.value.lower())
        elif isinstance(each, x509.IPAddress) and isinstance(each.value, Network.__value__):
            found.append(each.value)
    return tuple(found)


def _general(subtrees: Iterable[Subtree]) -> list[x509.GeneralName]:
    return [x509.DNSName(each) if isinstance(each, str) else x509.IPAddress(each) for each in subtrees]


def _address(host: str) -> str | ipaddress.IPv4Address | ipaddress.IPv6Address:
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return host


def _holds(tree: Subtree, place: str | ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
    if isinstance(tree, str):
        return isinstance(place, str) and (place == tree or not tree or place.endswith("." + tree.removeprefix(".")))
    return not isinstance(place, str) and place in tree
