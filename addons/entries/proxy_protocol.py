"""Who stands behind a balancer: the header that it sends before the client's own bytes, in both of its versions.

Read strictly, because whoever may send it may be anybody: no leading zeros, no other blanks, nothing that is not
needed. A header that tells nobody (`UNKNOWN`, `UNSPEC`) is refused, since nobody can be judged then; `LOCAL` is the
balancer speaking for itself, as in a health check.

Source: "The PROXY protocol", versions 1 and 2, sections 2.1 and 2.2 (HAProxy, 2020-03-05).
"""

from __future__ import annotations

import ipaddress
import re
import struct
from dataclasses import dataclass
from typing import Final

from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed

SIGNATURE: Final = b"\r\n\r\n\x00\r\nQUIT\n"
"""How version 2 begins."""
LONGEST_V1: Final = 107
"""Bytes of the longest line of version 1, its end included (section 2.1)."""
LONGEST_V2: Final = 1024
"""Bytes of the longest header of version 2 that is read; balancers send 28 or 52, and a few more of extensions."""

_V1: Final = b"PROXY "
_LINE: Final = re.compile(
    rb"PROXY (?P<family>TCP4|TCP6) (?P<source>[0-9a-fA-F.:]+) (?P<target>[0-9a-fA-F.:]+) "
    rb"(?P<source_port>0|[1-9][0-9]{0,4}) (?P<target_port>0|[1-9][0-9]{0,4})\r\n"
)
_UNKNOWN: Final = b"PROXY UNKNOWN"
_HEAD: Final = 16
_VERSION: Final = 2
_LOCAL, _PROXY = 0, 1
_STREAMS: Final = {0x11: (4, 4), 0x21: (6, 16)}
_UNSPECIFIED: Final = 0
_MOST_PORT: Final = 65535
_TLV_HEAD: Final = 3
_CHECKSUM: Final = 0x03
_CHECKSUM_SIZE: Final = 4
_POLYNOMIAL: Final = 0x82F63B78


class Unreadable(Exception):  # noqa: N818 - it says what the bytes are
    """These bytes are no header that can be believed; the text says why."""


@dataclass(frozen=True, slots=True)
class Introduced:
    """Who stands behind the balancer, and the size of the header in bytes. No client: the balancer itself."""

    client: tuple[Address, int] | None
    size: int


def read_header(data: bytes) -> Introduced | None:
    """The header at the front of `data`; None while it is not complete. Raises Unreadable."""
    if data[: len(SIGNATURE)] == SIGNATURE[: len(data)]:
        return _read_v2(data)
    if data[: len(_V1)] == _V1[: len(data)]:
        return _read_v1(data)
    raise Unreadable("the connection does not begin with a PROXY header")


def _read_v1(data: bytes) -> Introduced | None:
    end = data.find(b"\r\n", 0, LONGEST_V1)
    if end < 0:
        if len(data) >= LONGEST_V1:
            raise Unreadable(f"the line has no end within {LONGEST_V1} bytes")
        return None
    if data.startswith(_UNKNOWN):
        raise Unreadable("the balancer does not say who the client is")
    found = _LINE.fullmatch(data[: end + 2])
    if found is None:
        raise Unreadable("the line is not written as it has to be")
    version = 4 if found["family"] == b"TCP4" else 6
    _address(found["target"], version), _port(found["target_port"])
    return Introduced((_address(found["source"], version), _port(found["source_port"])), end + 2)


def _address(text: bytes, version: int) -> Address:
    """An address of the family that the line names; a mapped IPv4 address is none of IPv6 here."""
    try:
        address = Address.parse(text.decode("ascii"))
    except Malformed as problem:
        raise Unreadable(str(problem)) from None
    if address.version != version:
        raise Unreadable(f"`{text.decode('ascii')}` is no address of the family that is named")
    return address


def _port(text: bytes) -> int:
    if int(text) > _MOST_PORT:
        raise Unreadable(f"`{text.decode('ascii')}` is no port")
    return int(text)


def _read_v2(data: bytes) -> Introduced | None:
    if len(data) < _HEAD:
        return None
    version, command, family = data[12] >> 4, data[12] & 0x0F, data[13]
    (length,) = struct.unpack_from("!H", data, 14)
    size = _HEAD + length
    if version != _VERSION or command not in (_LOCAL, _PROXY):
        raise Unreadable(f"version {version}, command {command} is not known")
    if size > LONGEST_V2:
        raise Unreadable(f"the header is longer than {LONGEST_V2} bytes")
    if len(data) < size:
        return None
    if command == _LOCAL:
        _check_extensions(data[:size], _HEAD if family == _UNSPECIFIED else _behind_addresses(family, length))
        return Introduced(None, size)
    start = _behind_addresses(family, length)
    _check_extensions(data[:size], start)
    return Introduced(_source(data, family), size)


def _behind_addresses(family: int, length: int) -> int:
    """Where the addresses end, for a family that is spoken here."""
    if family not in _STREAMS:
        raise Unreadable("the balancer does not say who the client is, or names no TCP connection")
    _, width = _STREAMS[family]
    end = _HEAD + 2 * width + 4
    if _HEAD + length < end:
        raise Unreadable("the header is too short for its addresses")
    return end


def _source(data: bytes, family: int) -> tuple[Address, int]:
    _, width = _STREAMS[family]
    (port,) = struct.unpack_from("!H", data, _HEAD + 2 * width)
    return Address.parse(str(ipaddress.ip_address(data[_HEAD : _HEAD + width]))), port


def _check_extensions(header: bytes, start: int) -> None:
    """Every extension fits into the header, and a checksum, if there is one, holds (section 2.2.3)."""
    at = start
    while at < len(header):
        if at + _TLV_HEAD > len(header):
            raise Unreadable("an extension is cut off")
        kind, (length,) = header[at], struct.unpack_from("!H", header, at + 1)
        value = at + _TLV_HEAD
        if value + length > len(header):
            raise Unreadable("an extension is longer than the header")
        if kind == _CHECKSUM:
            _check_sum(header, value, length)
        at = value + length


def _check_sum(header: bytes, at: int, length: int) -> None:
    if length != _CHECKSUM_SIZE:
        raise Unreadable("the checksum is not of four bytes")
    said = int.from_bytes(header[at : at + length])
    if crc32c(header[:at] + bytes(length) + header[at + length :]) != said:
        raise Unreadable("the checksum does not hold")


def crc32c(data: bytes) -> int:
    """The checksum of Castagnoli's polynomial (RFC 9260 appendix A); headers are short, and few carry one."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = crc >> 1 ^ (_POLYNOMIAL if crc & 1 else 0)
    return crc ^ 0xFFFFFFFF
