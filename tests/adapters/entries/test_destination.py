from __future__ import annotations

import socket

import pytest

from addons.entries.destination import came_straight, original_destination, read_destination
from gateway.policy.addresses import Address

FOUR = Address.parse("198.51.100.7"), 443
SIX = Address.parse("2001:db8::7"), 443


@pytest.mark.parametrize(
    ("spot", "family", "raw"),
    [
        (FOUR, socket.AF_INET, "020001bb c6336407 0000000000000000"),
        (SIX, socket.AF_INET6, "0a0001bb 00000000 20010db8000000000000000000000007 00000000"),
        (FOUR, socket.AF_INET6, "0a0001bb 00000000 00000000000000000000ffffc6336407 00000000"),
    ],
)
def test_the_structures_of_the_kernel_are_read(
    spot: tuple[Address, int], family: socket.AddressFamily, raw: str
) -> None:
    assert spot == read_destination(family, bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("straight", "original", "here"),
    [
        (True, None, ("127.0.0.1", 8082)),
        (True, FOUR, ("198.51.100.7", 443)),
        (True, SIX, ("2001:db8::7", 443, 0, 0)),
        (False, FOUR, ("127.0.0.1", 8082)),
        (False, FOUR, ("198.51.100.7", 8082)),
    ],
)
def test_a_connection_came_straight_if_nothing_changed_where_it_goes(
    straight: bool,  # noqa: FBT001 - the wanted value of a table's row
    original: tuple[Address, int] | None,
    here: tuple[str, int],
) -> None:
    assert straight is came_straight(original, here)


def test_a_connection_that_nothing_redirected_has_no_other_destination() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener, socket.create_connection(listener.getsockname()):
        accepted, _ = listener.accept()
        with accepted:
            assert came_straight(original_destination(accepted), accepted.getsockname())
