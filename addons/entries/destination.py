"""Where a redirected connection was on its way to, as the kernel's connection tracking remembers it.

A REDIRECT or DNAT of nftables or iptables changes the destination of a connection to that of the listener; the socket
option SO_ORIGINAL_DST gives the one that it had before. Linux only.

Source: linux/netfilter_ipv4.h and linux/netfilter_ipv6/ip6_tables.h (option 80 of both levels), ip(7), ipv6(7).
"""

from __future__ import annotations

import ipaddress
import socket
from typing import Any, Final

from gateway.policy.addresses import Address

SO_ORIGINAL_DST: Final = 80
_SIZE: Final = {socket.AF_INET: 16, socket.AF_INET6: 28}
_LEVEL: Final = {socket.AF_INET: socket.SOL_IP, socket.AF_INET6: socket.IPPROTO_IPV6}
_PORT: Final = slice(2, 4)
_ADDRESS: Final = {socket.AF_INET: slice(4, 8), socket.AF_INET6: slice(8, 24)}

type Spot = tuple[Address, int]
"""An address and a port."""


def original_destination(accepted: Any) -> Spot | None:
    """Where an accepted connection was on its way to; None if the kernel does not know of any redirection."""
    family = accepted.family
    try:
        raw = accepted.getsockopt(_LEVEL[family], SO_ORIGINAL_DST, _SIZE[family])
    except OSError:
        return None
    return read_destination(family, raw)


def read_destination(family: socket.AddressFamily, raw: bytes) -> Spot:
    """Read a `sockaddr_in` or `sockaddr_in6`."""
    address = Address.parse(str(ipaddress.ip_address(raw[_ADDRESS[family]])))
    return address, int.from_bytes(raw[_PORT])


def came_straight(original: Spot | None, here: tuple[Any, ...]) -> bool:
    """Whether a connection was on its way to the listener itself; `here` is the socket's own end."""
    return original is None or original == (Address.parse(here[0].split("%", 1)[0]), here[1])
