from __future__ import annotations

import pytest

from gateway.policy.addresses import (
    METADATA,
    METADATA_NAMES,
    Address,
    AddressClass,
    Network,
    classes,
    classify,
    in_class,
    is_special,
    special_parts,
    special_range,
)
from gateway.policy.errors import Malformed
from gateway.policy.names import Host

METADATA_CLASS = AddressClass.METADATA
LOOPBACK = AddressClass.LOOPBACK
LINK_LOCAL = AddressClass.LINK_LOCAL
PRIVATE = AddressClass.PRIVATE
CGNAT = AddressClass.CGNAT
MULTICAST = AddressClass.MULTICAST
RESERVED = AddressClass.RESERVED
PUBLIC = AddressClass.PUBLIC


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("0.0.0.0", "0.0.0.0"),
        ("255.255.255.255", "255.255.255.255"),
        ("10.0.0.1", "::ffff:10.0.0.1"),
        ("10.0.0.1", "::FFFF:a00:1"),
        ("10.0.0.1", "0:0:0:0:0:ffff:0a00:0001"),
        ("::1", "0:0:0:0:0:0:0:1"),
        ("::", "::"),
        ("2001:db8::1:0:0:1", "2001:DB8:0:0:1::1"),
        ("::ffff:0:a00:1", "::ffff:0:10.0.0.1"),
    ],
)
def test_an_address_has_one_text(text: str, spelling: str) -> None:
    assert text == str(Address.parse(spelling))
    assert Address.parse(text) == Address.parse(spelling)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("is not an IP address", ""),
        ("is not an IP address", "1.2.3"),
        ("is not an IP address", "01.2.3.4"),
        ("is not an IP address", "1.2.3.256"),
        ("is not an IP address", "1.2.3.4 "),
        ("is not an IP address", "1.2.3.4\n"),
        ("is not an IP address", "\u0661.2.3.4"),
        ("is not an IP address", "0x7f.0.0.1"),
        ("is not an IP address", "2130706433"),
        ("is not an IP address", "[::1]"),
        ("is not an IP address", "::ffff:01.2.3.4"),
        ("is not an IP address", "1::2::3"),
        ("is not an IP address", "1" * 4000),
        ("an address with a zone id is not accepted", "fe80::1%eth0"),
    ],
)
def test_only_strict_literals_are_addresses(sentence: str, text: str) -> None:
    with pytest.raises(Malformed, match=sentence):
        Address.parse(text)


def test_an_ipv4_mapped_ipv6_address_cannot_exist() -> None:
    with pytest.raises(Malformed, match=r"has to be the IPv4 address 10\.0\.0\.1"):
        Address(6, 0xFFFF_0A00_0001)


@pytest.mark.parametrize(("version", "value"), [(4, -1), (4, 1 << 32), (6, 1 << 128), (5, 0)])
def test_a_number_out_of_range_is_no_address(version: int, value: int) -> None:
    with pytest.raises(Malformed, match="is not the number of an IPv"):
        Address(version, value)  # type: ignore[arg-type]  # the wrong version is the point


def test_an_address_packs_into_network_order() -> None:
    assert Address.parse("10.1.2.3").packed == b"\x0a\x01\x02\x03"
    assert Address.parse("::1").packed == bytes(15) + b"\x01"


def test_addresses_are_ordered_by_version_then_number() -> None:
    texts = ["::1", "10.0.0.2", "2001:db8::", "9.255.255.255"]

    assert [str(each) for each in sorted(map(Address.parse, texts))] == [
        "9.255.255.255",
        "10.0.0.2",
        "::1",
        "2001:db8::",
    ]


@pytest.mark.parametrize(
    ("bucket", "text"),
    [
        ("10.0.0.1", "10.0.0.1"),
        ("2001:db8:1:2::/64", "2001:db8:1:2:3:4:5:6"),
        ("2001:db8:1:2::/64", "2001:db8:1:2::"),
        ("::/64", "::1"),
    ],
)
def test_an_ipv6_client_is_counted_by_its_64(bucket: str, text: str) -> None:
    assert bucket == str(Address.parse(text).bucket)


@pytest.mark.parametrize(
    ("carried", "text"),
    [
        ([], "10.0.0.1"),
        ([], "2001:4860:4860::8888"),
        ([], "::"),
        ([], "::1"),
        (["10.0.0.1"], "64:ff9b::a00:1"),
        (["8.8.8.8"], "64:ff9b::808:808"),
        (["10.0.0.1", "0.0.0.10", "0.0.0.0"], "64:ff9b:1::a00:1"),
        (["0.0.1.0", "10.0.0.1"], "64:ff9b:1:a00:0:100::"),
        (["127.0.0.1"], "2002:7f00:1::"),
        (["8.8.8.8"], "2002:808:808::1"),
        (["65.54.227.120", "192.0.2.45"], "2001:0:4136:e378:8000:63bf:3fff:fdd2"),
        (["10.0.0.1"], "2001:db8::5efe:10.0.0.1"),
        (["10.0.0.1"], "fe80::200:5efe:10.0.0.1"),
        (["10.0.0.1"], "::ffff:0:10.0.0.1"),
        (["10.0.0.1"], "::10.0.0.1"),
        (["0.0.0.2"], "::2"),
    ],
)
def test_an_address_tells_what_it_carries(carried: list[str], text: str) -> None:
    embedded = {str(each) for each in Address.parse(text).embedded}

    assert set(carried) <= embedded
    assert bool(carried) is bool(embedded)


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        (PUBLIC, "8.8.8.8"),
        (PUBLIC, "100.63.255.255"),
        (PUBLIC, "100.128.0.0"),
        (PUBLIC, "172.15.255.255"),
        (PUBLIC, "172.32.0.0"),
        (PUBLIC, "192.0.1.0"),
        (PUBLIC, "223.255.255.255"),
        (PUBLIC, "2606:4700:4700::1111"),
        (PUBLIC, "2001:4860:4860::8888"),
        (PUBLIC, "2001:200::1"),
        (METADATA_CLASS, "169.254.169.254"),
        (METADATA_CLASS, "169.254.170.2"),
        (METADATA_CLASS, "100.100.100.200"),
        (METADATA_CLASS, "168.63.129.16"),
        (METADATA_CLASS, "192.0.0.192"),
        (METADATA_CLASS, "fd00:ec2::254"),
        (METADATA_CLASS, "::ffff:169.254.169.254"),
        (METADATA_CLASS, "64:ff9b::a9fe:a9fe"),
        (METADATA_CLASS, "2002:a9fe:a9fe::1"),
        (LOOPBACK, "127.0.0.1"),
        (LOOPBACK, "127.255.255.255"),
        (LOOPBACK, "0.0.0.0"),
        (LOOPBACK, "::"),
        (LOOPBACK, "::1"),
        (LOOPBACK, "::127.0.0.1"),
        (LOOPBACK, "2002:7f00:1::"),
        (LOOPBACK, "2001:db8::5efe:127.0.0.1"),
        (LOOPBACK, "2001:0:808:808::80ff:fffe"),
        (LOOPBACK, "64:ff9b:1:7f00:0:100::"),
        (LINK_LOCAL, "169.254.1.1"),
        (LINK_LOCAL, "fe80::1"),
        (LINK_LOCAL, "febf:ffff::"),
        (PRIVATE, "10.0.0.0"),
        (PRIVATE, "10.255.255.255"),
        (PRIVATE, "172.16.0.0"),
        (PRIVATE, "172.31.255.255"),
        (PRIVATE, "192.168.0.0"),
        (PRIVATE, "fc00::"),
        (PRIVATE, "fdff::1"),
        (PRIVATE, "fec0::1"),
        (PRIVATE, "64:ff9b::10.0.0.1"),
        (CGNAT, "100.64.0.0"),
        (CGNAT, "100.127.255.255"),
        (CGNAT, "2002:6440:1::"),
        (MULTICAST, "224.0.0.1"),
        (MULTICAST, "239.255.255.255"),
        (MULTICAST, "ff02::1"),
        (RESERVED, "0.0.0.1"),
        (RESERVED, "192.0.0.1"),
        (RESERVED, "192.0.2.1"),
        (RESERVED, "192.88.99.1"),
        (RESERVED, "198.18.0.0"),
        (RESERVED, "198.19.255.255"),
        (RESERVED, "198.51.100.1"),
        (RESERVED, "203.0.113.1"),
        (RESERVED, "240.0.0.1"),
        (RESERVED, "255.255.255.255"),
        (RESERVED, "64:ff9b::8.8.8.8"),
        (RESERVED, "100::1"),
        (RESERVED, "100:0:0:1::1"),
        (RESERVED, "2001:1::1"),
        (RESERVED, "2001:2::1"),
        (RESERVED, "2001:10::1"),
        (RESERVED, "2001:20::1"),
        (RESERVED, "2001:1ff:ffff::"),
        (RESERVED, "2001:db8::1"),
        (RESERVED, "2002:808:808::1"),
        (RESERVED, "2620:4f:8000::1"),
        (RESERVED, "3fff::1"),
        (RESERVED, "3ffe::1"),
        (RESERVED, "4000::"),
        (RESERVED, "5f00::1"),
        (RESERVED, "8000::"),
        (RESERVED, "fbff::1"),
        (RESERVED, "fe00::1"),
        (RESERVED, "64:ff9c::1"),
    ],
)
def test_the_most_dangerous_class_wins(kind: AddressClass, text: str) -> None:
    address = Address.parse(text)

    assert kind is classify(address)
    assert (kind is not PUBLIC) is is_special(address)
    assert in_class(address, kind)


@pytest.mark.parametrize(
    ("kinds", "text"),
    [
        ({PUBLIC}, "8.8.8.8"),
        ({METADATA_CLASS, LINK_LOCAL}, "169.254.169.254"),
        ({METADATA_CLASS, CGNAT}, "100.100.100.200"),
        ({METADATA_CLASS}, "168.63.129.16"),
        ({RESERVED, PRIVATE}, "64:ff9b::a00:1"),
        ({RESERVED}, "64:ff9b::808:808"),
        ({RESERVED, LOOPBACK}, "2002:7f00:1::"),
    ],
)
def test_an_address_is_in_every_class_that_holds_it_or_what_it_carries(kinds: set[AddressClass], text: str) -> None:
    address = Address.parse(text)

    assert kinds == classes(address)
    assert kinds == {kind for kind in AddressClass if in_class(address, kind)}


@pytest.mark.parametrize(
    ("parts", "text"),
    [
        ([], "8.8.8.8"),
        (["10.0.0.1"], "10.0.0.1"),
        (["64:ff9b::a00:1", "10.0.0.1"], "64:ff9b::10.0.0.1"),
        (["64:ff9b::808:808"], "64:ff9b::8.8.8.8"),
        (["10.0.0.1"], "2a00::5efe:10.0.0.1"),
    ],
)
def test_each_special_part_has_to_be_opened_by_itself(parts: list[str], text: str) -> None:
    assert parts == [str(part) for part in special_parts(Address.parse(text))]


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("loopback (RFC 1122)", "2002:7f00:1::"),
        ("private use (RFC 1918)", "10.1.1.1"),
        ("Azure wire server", "168.63.129.16"),
        ("unique local (RFC 4193)", "fd12::1"),
    ],
)
def test_a_special_range_is_known_by_name(name: str, text: str) -> None:
    found = special_range(Address.parse(text))

    assert found is not None
    assert name == found.name
    assert found.kind is classify(Address.parse(text))


def test_a_public_address_lies_in_no_special_range() -> None:
    assert special_range(Address.parse("8.8.8.8")) is None


def test_metadata_services_are_known_by_address_and_by_canonical_name() -> None:
    assert {METADATA_CLASS} == {classify(address) for address in METADATA}
    assert {name: name for name in METADATA_NAMES} == {name: Host.parse(name).text for name in METADATA_NAMES}


@pytest.mark.parametrize(
    ("text", "spelling"),
    [
        ("10.0.0.0/8", "10.0.0.0/8"),
        ("10.0.0.1/32", "10.0.0.1"),
        ("0.0.0.0/0", "0.0.0.0/0"),
        ("2001:db8::/32", "2001:DB8:0::/32"),
        ("::1/128", "::1"),
        ("::/0", "::/0"),
        ("10.0.0.0/8", "::ffff:10.0.0.0/104"),
        ("10.0.0.1/32", "::ffff:10.0.0.1"),
        ("0.0.0.0/0", "::ffff:0:0/96"),
    ],
)
def test_a_network_has_one_text(text: str, spelling: str) -> None:
    assert text == str(Network.parse(spelling))
    assert Network.parse(text) == Network.parse(spelling)


@pytest.mark.parametrize(
    ("sentence", "text"),
    [
        ("`10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "10.0.0.1/8"),
        ("`2001:db8::1/32` has host bits set, use `2001:db8::/32`", "2001:DB8::1/32"),
        ("`10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "::ffff:10.0.0.1/104"),
        ("`10.0.0.0/33`: the prefix length is out of range", "10.0.0.0/33"),
        ("`::/129`: the prefix length is out of range", "::/129"),
        ("`::ffff:0.0.0.0/95`: the prefix length is out of range", "::ffff:0.0.0.0/95"),
        ("write the prefix length as a plain number, like `/32`", "10.0.0.0/255.0.0.0"),
        ("write the prefix length as a plain number, like `/32`", "10.0.0.0/08"),
        ("write the prefix length as a plain number, like `/32`", "10.0.0.0/"),
        ("write the prefix length as a plain number, like `/128`", "::/-1"),
        ("write the prefix length as a plain number", "10.0.0.0/\u0668"),
        ("`10.0.0` is not an IP address", "10.0.0/24"),
        ("`` is not an IP address", "/8"),
        ("an address with a zone id is not accepted", "fe80::%eth0/10"),
    ],
)
def test_a_malformed_network_is_refused_with_the_way_out(sentence: str, text: str) -> None:
    with pytest.raises(Malformed) as refusal:
        Network.parse(text)

    assert sentence in str(refusal.value)


@pytest.mark.parametrize(
    ("inside", "address", "network"),
    [
        (True, "10.0.0.0", "10.0.0.0/8"),
        (True, "10.255.255.255", "10.0.0.0/8"),
        (False, "11.0.0.0", "10.0.0.0/8"),
        (False, "9.255.255.255", "10.0.0.0/8"),
        (True, "::ffff:10.0.0.1", "10.0.0.0/8"),
        (True, "1.2.3.4", "0.0.0.0/0"),
        (False, "1.2.3.4", "::/0"),
        (False, "::1", "0.0.0.0/0"),
        (True, "2001:db8:ffff::", "2001:db8::/32"),
        (False, "2001:db9::", "2001:db8::/32"),
    ],
)
def test_a_network_holds_its_addresses_and_no_others(*, inside: bool, address: str, network: str) -> None:
    assert inside is (Address.parse(address) in Network.parse(network))
