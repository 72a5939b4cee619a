"""What no public server has is never public, whatever carries it; the standard library is the second opinion."""

from __future__ import annotations

import ipaddress
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.addresses import Address, AddressClass, classes, classify, in_class, is_special
from tests import spellings

if TYPE_CHECKING:
    from collections.abc import Callable

WRAPPERS: dict[str, Callable[[int], int]] = {
    "mapped": lambda v4: 0xFFFF << 32 | v4,
    "nat64": lambda v4: 0x0064_FF9B << 96 | v4,
    "local nat64 /48": lambda v4: 0x0064_FF9B_0001 << 80 | (v4 >> 16) << 64 | (v4 & 0xFFFF) << 40,
    "local nat64 /56": lambda v4: 0x0064_FF9B_0001 << 80 | (v4 >> 24) << 64 | (v4 & 0xFF_FFFF) << 32,
    "local nat64 /64": lambda v4: 0x0064_FF9B_0001 << 80 | v4 << 24,
    "local nat64 /96": lambda v4: 0x0064_FF9B_0001 << 80 | v4,
    "6to4": lambda v4: 0x2002 << 112 | v4 << 80 | 1,
    "teredo server": lambda v4: 0x2001_0000 << 96 | v4 << 64,
    "teredo client": lambda v4: 0x2001_0000 << 96 | 0x0808_0808 << 64 | v4 ^ 0xFFFF_FFFF,
    "isatap": lambda v4: 0x2A00_1450 << 96 | 0x0000_5EFE << 32 | v4,
    "isatap, universal": lambda v4: 0x2A00_1450 << 96 | 0x0200_5EFE << 32 | v4,
    "translated": lambda v4: 0xFFFF_0000 << 32 | v4,
    "compatible": lambda v4: v4,
}
SEVERITY = list(AddressClass)


def read(value: int) -> Address:
    return Address.parse(str(ipaddress.IPv6Address(value)))


@pytest.mark.parametrize("wrap", WRAPPERS.values(), ids=WRAPPERS.keys())
@given(v4=spellings.v4_numbers.filter(lambda value: value > 1))
def test_no_wrapping_makes_an_address_less_dangerous(wrap: Callable[[int], int], v4: int) -> None:
    inner, outer = Address(4, v4), read(wrap(v4))

    assert inner in (outer, *outer.embedded)
    assert classes(inner) - {AddressClass.PUBLIC} <= classes(outer)
    assert SEVERITY.index(classify(outer)) <= SEVERITY.index(classify(inner))


@given(spellings.v4_numbers)
def test_no_ipv4_address_that_is_not_global_is_public(value: int) -> None:
    standard = ipaddress.IPv4Address(value)

    assert is_special(Address(4, value)) or (standard.is_global and not standard.is_multicast)


@given(st.one_of(spellings.v6_numbers, st.integers(0x2000 << 112, (0x4000 << 112) - 1)))
def test_no_ipv6_address_that_is_not_global_is_public(value: int) -> None:
    standard = ipaddress.IPv6Address(value)

    assert is_special(Address(6, value)) or (standard.is_global and not standard.is_multicast)


@given(st.integers(0x2000 << 112, (0x4000 << 112) - 1))
def test_tunnels_are_read_as_the_standard_library_reads_them(value: int) -> None:
    standard = ipaddress.IPv6Address(value)
    inside = {*filter(None, [standard.sixtofour]), *(standard.teredo or ())}

    assert {int(each) for each in inside} <= {each.value for each in Address(6, value).embedded}


@given(st.one_of(spellings.v4_numbers.map(lambda value: Address(4, value)), spellings.v6_numbers.map(read)))
def test_classes_and_class_agree(address: Address) -> None:
    assert in_class(address, classify(address))
    assert is_special(address) is not in_class(address, AddressClass.PUBLIC)
    assert is_special(address) is (classify(address) is not AddressClass.PUBLIC)
    assert classify(address) is min(classes(address), key=SEVERITY.index)
