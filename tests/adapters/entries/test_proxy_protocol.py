from __future__ import annotations

import struct
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from addons.entries.proxy_protocol import LONGEST_V1, LONGEST_V2, SIGNATURE, Introduced, Unreadable, crc32c, read_header
from gateway.policy.addresses import Address

if TYPE_CHECKING:
    from ipaddress import IPv4Address, IPv6Address

V4 = bytes([192, 0, 2, 7, 198, 51, 100, 1]) + struct.pack("!HH", 40000, 443)
V6 = Address.parse("2001:db8::7").packed + Address.parse("2001:db8::1").packed + struct.pack("!HH", 40000, 443)
LINE = b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443\r\n"


def v2(rest: bytes, *, command: int = 0x21, family: int = 0x11, length: int | None = None) -> bytes:
    return SIGNATURE + bytes([command, family]) + struct.pack("!H", len(rest) if length is None else length) + rest


def tlv(kind: int, value: bytes) -> bytes:
    return struct.pack("!BH", kind, len(value)) + value


def summed(rest: bytes) -> bytes:
    """A header with a checksum that holds."""
    blank = v2(rest + tlv(3, bytes(4)))
    return blank[:-4] + crc32c(blank).to_bytes(4)


def client(text: str, port: int = 40000) -> tuple[Address, int]:
    return Address.parse(text), port


@pytest.mark.parametrize(
    ("header", "who"),
    [
        (LINE, client("192.0.2.7")),
        (b"PROXY TCP6 2001:db8::7 2001:db8::1 40000 443\r\n", client("2001:db8::7")),
        (b"PROXY TCP4 255.255.255.255 255.255.255.255 65535 65535\r\n", client("255.255.255.255", 65535)),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 0 0\r\n", client("192.0.2.7", 0)),
        (v2(V4), client("192.0.2.7")),
        (v2(V6, family=0x21), client("2001:db8::7")),
        (v2(V4 + tlv(0x01, b"h2") + tlv(0x04, bytes(7))), client("192.0.2.7")),
        (summed(V4), client("192.0.2.7")),
        (summed(V4 + tlv(0x05, b"id")), client("192.0.2.7")),
        (v2(b"", command=0x20, family=0), None),
        (v2(V4, command=0x20), None),
    ],
)
def test_a_header_says_who_stands_behind_the_balancer(header: bytes, who: tuple[Address, int] | None) -> None:
    assert read_header(header + b"GET / HTTP/1.1\r\n") == Introduced(who, len(header))


@pytest.mark.parametrize(
    ("header", "why"),
    [
        (b"GET / HTTP/1.1\r\n\r\n", "does not begin with a PROXY header"),
        (b"\x16\x03\x01", "does not begin with a PROXY header"),
        (b"proxy TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", "does not begin with a PROXY header"),
        (b"PROXY UNKNOWN\r\n", "does not say who the client is"),
        (b"PROXY UNKNOWN 192.0.2.7 198.51.100.1 40000 443\r\n", "does not say who the client is"),
        (b"PROXY TCP4\r\n", "not written as it has to be"),
        (b"PROXY TCP5 192.0.2.7 198.51.100.1 40000 443\r\n", "not written as it has to be"),
        (b"PROXY  TCP4 192.0.2.7 198.51.100.1 40000 443\r\n", "not written as it has to be"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 443 \r\n", "not written as it has to be"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 040000 443\r\n", "not written as it has to be"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 +4000 443\r\n", "not written as it has to be"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000\r\n", "not written as it has to be"),
        (b"PROXY TCP4 shop.example 198.51.100.1 40000 443\r\n", "not written as it has to be"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 65536 443\r\n", "`65536` is no port"),
        (b"PROXY TCP4 192.0.2.7 198.51.100.1 40000 65536\r\n", "`65536` is no port"),
        (b"PROXY TCP4 192.0.2.07 198.51.100.1 40000 443\r\n", "192.0.2.07"),
        (b"PROXY TCP4 127.1 198.51.100.1 40000 443\r\n", "127.1"),
        (b"PROXY TCP4 192.0.2.7 nobody 40000 443\r\n", "not written as it has to be"),
        (b"PROXY TCP4 2001:db8::7 198.51.100.1 40000 443\r\n", "no address of the family"),
        (b"PROXY TCP6 192.0.2.7 2001:db8::1 40000 443\r\n", "no address of the family"),
        (b"PROXY TCP6 ::ffff:192.0.2.7 2001:db8::1 40000 443\r\n", "no address of the family"),
        (LINE.replace(b"\r\n", b"\n") + b"x" * LONGEST_V1, "has no end within 107 bytes"),
        (b"PROXY TCP4 " + b"1" * LONGEST_V1 + b"\r\n", "has no end within 107 bytes"),
        (v2(V4, command=0x11), "version 1, command 1 is not known"),
        (v2(V4, command=0x31), "version 3, command 1 is not known"),
        (v2(V4, command=0x22), "version 2, command 2 is not known"),
        (v2(b"", family=0), "does not say who the client is"),
        (v2(V4, family=0x12), "names no TCP connection"),
        (v2(bytes(216), family=0x31), "names no TCP connection"),
        (v2(V4[:-1]), "too short for its addresses"),
        (v2(V4, family=0x21), "too short for its addresses"),
        (v2(V4, length=LONGEST_V2), f"longer than {LONGEST_V2} bytes"),
        (v2(V4 + b"\x01"), "an extension is cut off"),
        (v2(V4 + struct.pack("!BH", 1, 9) + b"h2"), "an extension is longer than the header"),
        (v2(V4 + tlv(3, b"abc")), "the checksum is not of four bytes"),
        (v2(V4 + tlv(3, bytes(4))), "the checksum does not hold"),
        (summed(V4).replace(bytes([192, 0, 2, 7]), bytes([192, 0, 2, 8])), "the checksum does not hold"),
    ],
)
def test_what_cannot_be_believed_is_refused_with_the_reason(header: bytes, why: str) -> None:
    with pytest.raises(Unreadable, match=why):
        read_header(header)


@pytest.mark.parametrize("header", [LINE, v2(V4), v2(V6, family=0x21), summed(V4 + tlv(1, b"h2"))])
def test_nothing_is_concluded_from_a_part_of_a_header(header: bytes) -> None:
    assert [read_header(header[:size]) for size in range(len(header))] == [None] * len(header)


@given(st.binary(max_size=200), st.sampled_from([b"", b"PROXY ", b"PROXY TCP4 ", SIGNATURE, SIGNATURE + b"\x21\x11"]))
def test_whatever_comes_is_read_waited_for_or_refused(rest: bytes, start: bytes) -> None:
    try:
        found = read_header(start + rest)
    except Unreadable:
        return
    assert found is None or 0 < found.size <= len(start + rest)


@given(st.ip_addresses(), st.integers(0, 65535))
def test_both_versions_say_the_same(address: IPv4Address | IPv6Address, port: int) -> None:
    raw = Address.parse(str(address))
    assume(raw.version == address.version)  # a mapped address is one of IPv4 here, which is tried above
    line = b"PROXY TCP%d %s %s %d 443\r\n" % (raw.version, str(raw).encode(), str(raw).encode(), port)
    binary = v2(raw.packed * 2 + struct.pack("!HH", port, 443), family=0x11 if raw.version == 4 else 0x21)

    first, second = read_header(line), read_header(binary)

    assert first is not None
    assert second is not None
    assert first.client == second.client == (raw, port)


def test_the_checksum_is_castagnolis() -> None:
    assert crc32c(b"123456789") == 0xE3069283
