from __future__ import annotations

import pytest

from gateway.policy.addresses import Address
from gateway.policy.headers import Fields
from gateway.upstreams.pools.keys import HashBy

HERE = Address.parse("192.0.2.1")
FIELDS = Fields.of([("X-User", "anna"), ("Cookie", "a=1; session=s1"), ("Cookie", "session=s2; empty=")])


@pytest.mark.parametrize(
    ("key", "by"),
    [
        (b"client:192.0.2.1", HashBy()),
        (b"header:anna", HashBy("header", "x-user")),
        (b"cookie:s1", HashBy("cookie", "session")),
        (b"client:192.0.2.1", HashBy("cookie", "Session")),
        (b"client:192.0.2.1", HashBy("cookie", "empty")),
        (b"client:192.0.2.1", HashBy("header", "x-group")),
    ],
)
def test_who_asks_is_known_by_what_was_chosen_else_by_the_address(key: bytes, by: HashBy) -> None:
    assert by.key(HERE, FIELDS) == key


def test_a_network_of_one_ipv6_client_is_one_client() -> None:
    assert HashBy().key(Address.parse("2001:db8::1"), None) == HashBy().key(Address.parse("2001:db8::2"), None)


def test_who_is_nobody_has_the_key_of_nobody() -> None:
    assert HashBy("cookie", "session").key(None, None) == b""
