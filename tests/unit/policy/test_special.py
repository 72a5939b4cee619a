from __future__ import annotations

import ipaddress

import pytest

from gateway.policy.special import METADATA_SERVICES, SPECIAL_V4, SPECIAL_V6, AddressClass, Special

EVERY = [*METADATA_SERVICES, *SPECIAL_V4, *SPECIAL_V6]


@pytest.mark.parametrize("entry", EVERY, ids=lambda entry: entry.network)
def test_an_entry_is_a_real_network_of_a_special_class_with_a_name(entry: Special) -> None:
    assert str(ipaddress.ip_network(entry.network)) == entry.network
    assert entry.kind is not AddressClass.PUBLIC
    assert entry.name


def test_no_network_is_listed_twice() -> None:
    assert len({entry.network for entry in EVERY}) == len(EVERY)


def test_nothing_outside_of_global_unicast_is_left_out() -> None:
    unicast = ipaddress.IPv6Network("2000::/3")
    listed = [ipaddress.IPv6Network(entry.network) for entry in SPECIAL_V6]
    outside = ipaddress.collapse_addresses(network for network in listed if not network.subnet_of(unicast))

    assert sorted(outside) == sorted(ipaddress.IPv6Network("::/0").address_exclude(unicast))


def test_the_classes_are_the_words_of_the_policy_language_most_dangerous_first() -> None:
    assert list(AddressClass) == [
        "metadata",
        "loopback",
        "link-local",
        "private",
        "cgnat",
        "multicast",
        "reserved",
        "public",
    ]
