"""The addresses that are nobody's public server, by name and by where that is written.

The tables are data: network, class, name, source. `gateway.policy.addresses` judges with them. Everything that the
IANA special-purpose registries list is here, also the few entries that they call globally reachable (NAT64,
ORCHIDv2, AS112): an origin server has none of these addresses, and an address that carries another one can carry
a private one.

Sources: IANA IPv4 and IPv6 Special-Purpose Address Registries (RFC 6890), IPv6 Address Space (RFC 4291), and the
documentation of the clouds for their metadata services.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final, NamedTuple


class AddressClass(StrEnum):
    """What an address is for, by the words of the policy language; the most dangerous comes first."""

    METADATA = "metadata"
    """Hands credentials of the machine to whoever asks."""
    LOOPBACK = "loopback"
    """Reaches the gateway's own machine; the unspecified addresses do so too."""
    LINK_LOCAL = "link-local"
    PRIVATE = "private"
    CGNAT = "cgnat"
    MULTICAST = "multicast"
    RESERVED = "reserved"
    """Documentation, benchmarking, translation, unassigned: no public server lives there."""
    PUBLIC = "public"


class Special(NamedTuple):
    """One special-purpose network: its text, its class, and the name and source that an explanation shows."""

    network: str
    kind: AddressClass
    name: str


_M = AddressClass.METADATA
_R = AddressClass.RESERVED

METADATA_SERVICES: Final = (
    Special("169.254.169.254/32", _M, "instance metadata of most clouds"),
    Special("169.254.170.2/32", _M, "AWS ECS task credentials"),
    Special("169.254.170.23/32", _M, "AWS EKS pod identity"),
    Special("169.254.0.23/32", _M, "Tencent Cloud metadata"),
    Special("169.254.42.42/32", _M, "Scaleway metadata"),
    Special("100.100.100.200/32", _M, "Alibaba Cloud metadata"),
    Special("168.63.129.16/32", _M, "Azure wire server"),
    Special("192.0.0.192/32", _M, "Oracle Cloud metadata"),
    Special("fd00:ec2::254/128", _M, "AWS instance metadata"),
    Special("fd00:ec2::23/128", _M, "AWS EKS pod identity"),
    Special("fd20:ce::254/128", _M, "Google Cloud metadata"),
    Special("fd00:c1::a9fe:a9fe/128", _M, "Oracle Cloud metadata"),
    Special("fd00:42::42/128", _M, "Scaleway metadata"),
    Special("fe80::a9fe:a9fe/128", _M, "OpenStack metadata"),
)
"""Addresses at which clouds hand out credentials. They lie in link-local, private and even public ranges."""

METADATA_NAMES: Final = frozenset(
    {
        "metadata",
        "metadata.google.internal",
        "metadata.goog",
        "instance-data",
        "instance-data.ec2.internal",
        "metadata.azure.internal",
        "metadata.tencentyun.com",
        "api.metadata.cloud.ibm.com",
        "metadata.platformequinix.com",
        "metadata.packet.net",
    }
)
"""Canonical names under which clouds publish their metadata services."""

SPECIAL_V4: Final = (
    Special("0.0.0.0/32", AddressClass.LOOPBACK, "unspecified address, reaches this machine (RFC 1122)"),
    Special("0.0.0.0/8", _R, "this network (RFC 791)"),
    Special("10.0.0.0/8", AddressClass.PRIVATE, "private use (RFC 1918)"),
    Special("100.64.0.0/10", AddressClass.CGNAT, "carrier-grade NAT (RFC 6598)"),
    Special("127.0.0.0/8", AddressClass.LOOPBACK, "loopback (RFC 1122)"),
    Special("169.254.0.0/16", AddressClass.LINK_LOCAL, "link-local (RFC 3927)"),
    Special("172.16.0.0/12", AddressClass.PRIVATE, "private use (RFC 1918)"),
    Special("192.0.0.0/24", _R, "protocol assignments (RFC 6890)"),
    Special("192.0.2.0/24", _R, "documentation (RFC 5737)"),
    Special("192.31.196.0/24", _R, "AS112 (RFC 7535)"),
    Special("192.52.193.0/24", _R, "automatic multicast tunneling (RFC 7450)"),
    Special("192.88.99.0/24", _R, "6to4 relay anycast (RFC 7526)"),
    Special("192.168.0.0/16", AddressClass.PRIVATE, "private use (RFC 1918)"),
    Special("192.175.48.0/24", _R, "AS112 (RFC 7534)"),
    Special("198.18.0.0/15", _R, "benchmarking (RFC 2544)"),
    Special("198.51.100.0/24", _R, "documentation (RFC 5737)"),
    Special("203.0.113.0/24", _R, "documentation (RFC 5737)"),
    Special("224.0.0.0/4", AddressClass.MULTICAST, "multicast (RFC 5771)"),
    Special("240.0.0.0/4", _R, "reserved and broadcast (RFC 1112, RFC 919)"),
)

SPECIAL_V6: Final = (
    Special("::/128", AddressClass.LOOPBACK, "unspecified address, reaches this machine (RFC 4291)"),
    Special("::1/128", AddressClass.LOOPBACK, "loopback (RFC 4291)"),
    Special("::/3", _R, "not global unicast: mapped, translated, NAT64, discard-only, SRv6 (RFC 4291)"),
    Special("2001::/23", _R, "protocol assignments: Teredo, benchmarking, AMT, ORCHID, DRIP (RFC 2928)"),
    Special("2001:db8::/32", _R, "documentation (RFC 3849)"),
    Special("2002::/16", _R, "6to4 (RFC 3056)"),
    Special("2620:4f:8000::/48", _R, "AS112 (RFC 7534)"),
    Special("3ffe::/16", _R, "returned 6bone test space (RFC 3701)"),
    Special("3fff::/20", _R, "documentation (RFC 9637)"),
    Special("4000::/2", _R, "unassigned, SRv6 identifiers (RFC 4291, RFC 9602)"),
    Special("8000::/2", _R, "unassigned (RFC 4291)"),
    Special("c000::/3", _R, "unassigned (RFC 4291)"),
    Special("e000::/4", _R, "unassigned (RFC 4291)"),
    Special("f000::/5", _R, "unassigned (RFC 4291)"),
    Special("f800::/6", _R, "unassigned (RFC 4291)"),
    Special("fc00::/7", AddressClass.PRIVATE, "unique local (RFC 4193)"),
    Special("fe00::/9", _R, "unassigned (RFC 4291)"),
    Special("fe80::/10", AddressClass.LINK_LOCAL, "link-local (RFC 4291)"),
    Special("fec0::/10", AddressClass.PRIVATE, "site-local (RFC 3879)"),
    Special("ff00::/8", AddressClass.MULTICAST, "multicast (RFC 4291)"),
)
"""Outside of 2000::/3 nothing is public, assigned or not; inside it only what is named here is special."""
