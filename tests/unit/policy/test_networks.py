from __future__ import annotations

import pytest

from gateway.policy.addresses import Address, Network
from gateway.policy.networks import AddressSet


def networks(*texts: str) -> AddressSet:
    return AddressSet.of(map(Network.parse, texts))


OFFICES = networks("10.0.0.0/8", "10.1.0.0/16", "192.0.2.7", "2001:db8::/32", "2001:db8:1::/48")


@pytest.mark.parametrize(
    ("network", "address"),
    [
        ("10.0.0.0/8", "10.255.255.255"),
        ("10.1.0.0/16", "10.1.0.0"),
        ("10.1.0.0/16", "10.1.255.255"),
        ("10.0.0.0/8", "10.2.0.0"),
        (None, "11.0.0.0"),
        (None, "9.255.255.255"),
        ("192.0.2.7/32", "192.0.2.7"),
        (None, "192.0.2.6"),
        ("2001:db8::/32", "2001:db8:2::1"),
        ("2001:db8:1::/48", "2001:db8:1::1"),
        (None, "2001:db9::"),
        ("10.1.0.0/16", "::ffff:10.1.2.3"),
        (None, "::10.1.2.3"),  # what is embedded is the matcher's business
    ],
)
def test_the_narrowest_network_that_holds_an_address_is_found(network: str | None, address: str) -> None:
    found = OFFICES.find(Address.parse(address))

    assert network == (None if found is None else str(found))


def test_a_whole_version_can_be_a_network() -> None:
    everything = networks("0.0.0.0/0")

    assert str(everything.find(Address.parse("203.0.113.9"))) == "0.0.0.0/0"
    assert everything.find(Address.parse("2001:db8::1")) is None


def test_a_network_given_twice_is_counted_once() -> None:
    assert len(networks("10.0.0.0/8", "10.0.0.0/8", "10.0.0.0/9")) == 2


def test_an_empty_set_holds_nothing() -> None:
    assert len(networks()) == 0
    assert networks().find(Address.parse("10.0.0.1")) is None


def test_a_set_gives_back_what_it_was_made_of() -> None:
    assert AddressSet.of(OFFICES).overlap(OFFICES) is not None
    assert {str(network) for network in OFFICES} == {
        "10.0.0.0/8",
        "10.1.0.0/16",
        "192.0.2.7/32",
        "2001:db8::/32",
        "2001:db8:1::/48",
    }


@pytest.mark.parametrize(
    ("around", "network"),
    [
        ("10.1.0.0/16", "10.1.2.0/24"),
        ("10.1.0.0/16", "10.1.0.0/16"),
        ("10.0.0.0/8", "10.0.0.0/15"),
        (None, "8.0.0.0/5"),
        (None, "2001::/16"),
    ],
)
def test_a_network_is_covered_by_one_that_holds_all_of_it(around: str | None, network: str) -> None:
    covering = OFFICES.covering(Network.parse(network))

    assert around == (None if covering is None else str(covering))


@pytest.mark.parametrize(
    ("shared", "other"),
    [
        (("10.0.0.0/8", "10.7.0.0/16"), "10.7.0.0/16"),
        (("192.0.2.7/32", "192.0.2.0/24"), "192.0.2.0/24"),
        (("2001:db8:1::/48", "2001:db8:1::/48"), "2001:db8:1::/48"),
        (None, "172.16.0.0/12"),
        (None, "2001:db9::/32"),
    ],
)
def test_sets_overlap_if_a_network_of_one_is_inside_one_of_the_other(
    shared: tuple[str, str] | None, other: str
) -> None:
    overlap = OFFICES.overlap(networks(other))

    assert shared == (None if overlap is None else tuple(map(str, overlap)))
    assert (networks(other).overlap(OFFICES) is None) is (shared is None)
