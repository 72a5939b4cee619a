from __future__ import annotations

import pytest

from gateway.policy.addresses import Address
from gateway.upstreams.lookup import LookupFailed, system_lookup


def test_the_name_of_this_machine_has_the_addresses_of_the_loop() -> None:
    assert set(system_lookup("localhost")) <= {Address.parse("127.0.0.1"), Address.parse("::1")}
    assert system_lookup("localhost")


def test_every_address_is_told_once() -> None:
    assert system_lookup("127.0.0.1") == (Address.parse("127.0.0.1"),)


@pytest.mark.parametrize("name", ["", "a" * 64 + ".example", "no\0name"])
def test_what_cannot_be_a_name_has_no_address(name: str) -> None:
    with pytest.raises(LookupFailed, match=r"\Ano such name\Z"):
        system_lookup(name)
