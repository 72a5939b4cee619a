from __future__ import annotations

import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.records.clients import Keyed, hidden_entry, hidden_in, truncated
from gateway.policy.addresses import Address, Network

NOVEMBER = 1795428000.0
DECEMBER = NOVEMBER + 30 * 86_400
CLIENT = Address.parse("10.1.2.3")

addresses = st.one_of(
    st.builds(Address, st.just(4), st.integers(0, 2**32 - 1)),
    st.builds(Address, st.just(6), st.integers(2**64, 2**128 - 1)),
)


def keyed(asked: list[str] | None = None) -> Keyed:
    def key(month: str) -> bytes:
        (asked if asked is not None else []).append(month)
        return month.encode().ljust(32)

    return Keyed(key)


@pytest.mark.parametrize(
    ("written", "address"),
    [
        ("10.1.2.0/24", "10.1.2.3"),
        ("10.1.2.0/24", "::ffff:10.1.2.3"),
        ("2001:db8:1::/48", "2001:db8:1:2:3:4:5:6"),
        ("::/48", "::1"),
    ],
)
def test_of_a_truncated_address_its_network_is_left(written: str, address: str) -> None:
    assert written == truncated(Address.parse(address))


@given(address=addresses)
def test_a_truncated_address_is_a_network_that_holds_it(address: Address) -> None:
    assert address in Network.parse(truncated(address))


def test_a_client_has_one_token_in_a_month_and_another_in_the_next() -> None:
    asked: list[str] = []
    named = keyed(asked)
    first, again, other = named(CLIENT, NOVEMBER), named(CLIENT, NOVEMBER + 86_400), named(CLIENT, DECEMBER)

    assert first == again == "client-2026-11-" + hmac.digest(b"2026-11".ljust(32), CLIENT.packed, "sha256").hex()[:20]
    assert other.startswith("client-2026-12-")
    assert first.rpartition("-")[2] != other.rpartition("-")[2]
    assert asked == ["2026-11", "2026-12"]


@given(one=addresses, two=addresses)
def test_two_clients_have_two_tokens_that_say_nothing_of_them(one: Address, two: Address) -> None:
    named = keyed()

    assert (named(one, NOVEMBER) == named(two, NOVEMBER)) is (one == two)
    assert str(one) not in named(one, NOVEMBER)


def test_tokens_that_are_remembered_are_bounded() -> None:
    named = keyed()
    first = named(CLIENT, NOVEMBER)
    for value in range(20_000):
        named(Address(4, value), NOVEMBER)

    assert len(named) <= 10_000
    assert named(CLIENT, NOVEMBER) == first


def test_an_address_is_hidden_wherever_it_stands_in_a_value() -> None:
    value = {"a": ["from 10.1.2.3", 7, None], "b": {"c": "10.1.2.3:80"}}

    assert hidden_in(value, CLIENT, "X") == {"a": ["from X", 7, None], "b": {"c": "X:80"}}


@pytest.mark.parametrize(
    ("written", "entry"),
    [
        ("X", "10.1.2.3/32"),
        ("X", "10.1.2.0/25"),
        ("10.1.2.0/24", "10.1.2.0/24"),
        ("10.9.9.9/32", "10.9.9.9/32"),
        ("ads.example", "ads.example"),
    ],
)
def test_an_entry_of_a_list_tells_no_more_than_a_truncated_address(written: str, entry: str) -> None:
    assert written == hidden_entry(entry, CLIENT, "X")
