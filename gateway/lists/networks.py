"""Networks in list files: the slow and exact reading of one, and the fast one of many."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Prefixes, Wrong
from gateway.policy.addresses import BITS, Network
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from gateway.lists.findings import Finding

_BYTE: Final = rb"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
QUAD: Final = rb"(?:" + _BYTE + rb"\.){3}" + _BYTE
_V4_BITS: Final = 32


def read_network(text: str) -> Prefixes | Wrong:
    """One network or address of either version."""
    try:
        network = Network.parse(text)
    except Malformed as error:
        return Wrong(str(error))
    return Prefixes(network.version, network.length, [network.value >> BITS[network.version] - network.length])


def prefixes_of(texts: list[bytes]) -> list[Finding] | None:
    """Many IPv4 networks, each matching `QUAD` and perhaps a length; None if one of them is not a network."""
    prefixes: dict[int, list[int]] = {}
    for text in texts:
        quad, _, prefix = text.partition(b"/")
        first, second, third, fourth = quad.split(b".")
        value = int(first) << 24 | int(second) << 16 | int(third) << 8 | int(fourth)
        length = int(prefix or _V4_BITS)
        if length > _V4_BITS or value & (1 << _V4_BITS - length) - 1 or prefix[:1] == b"0" != prefix:
            return None
        prefixes.setdefault(length, []).append(value >> _V4_BITS - length)
    return [Prefixes(4, length, numbers) for length, numbers in prefixes.items()]
