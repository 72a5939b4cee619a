from __future__ import annotations

import re

import pytest

from gateway.lists.findings import Prefixes, Wrong
from gateway.lists.networks import QUAD, prefixes_of, read_network


@pytest.mark.parametrize(
    ("prefixes", "written"),
    [
        (Prefixes(4, 8, [10]), "10.0.0.0/8"),
        (Prefixes(4, 32, [0x0A000001]), "10.0.0.1"),
        (Prefixes(4, 0, [0]), "0.0.0.0/0"),
        (Prefixes(4, 24, [0xC00002]), "::ffff:192.0.2.0/120"),
        (Prefixes(6, 32, [0x20010DB8]), "2001:db8::/32"),
        (Prefixes(6, 128, [1]), "::1"),
    ],
)
def test_a_network_is_the_number_that_its_first_bits_are(prefixes: Prefixes, written: str) -> None:
    assert read_network(written) == prefixes


@pytest.mark.parametrize(
    ("why", "written"),
    [
        ("`10.0.0.1/8` has host bits set, use `10.0.0.0/8`", "10.0.0.1/8"),
        ("`nonsense` is not an IP address", "nonsense"),
        ("`` is not an IP address", ""),
        ("`10.0.0` is not an IP address", "10.0.0"),
        ("`010.0.0.1` is not an IP address", "010.0.0.1"),
    ],
)
def test_what_is_no_network_is_wrong_with_the_way_out(why: str, written: str) -> None:
    found = read_network(written)

    assert isinstance(found, Wrong)
    assert found.why.startswith(why)


def test_many_networks_are_gathered_by_their_length() -> None:
    found = prefixes_of([b"10.0.0.0/8", b"192.0.2.1", b"11.0.0.0/8", b"0.0.0.0/0"])

    assert found == [Prefixes(4, 8, [10, 11]), Prefixes(4, 32, [0xC0000201]), Prefixes(4, 0, [0])]


@pytest.mark.parametrize("odd", [b"10.0.0.1/8", b"10.0.0.0/33", b"10.0.0.0/08", b"0.0.0.0/00"])
def test_one_that_is_none_sends_all_of_them_back_to_be_read_one_by_one(odd: bytes) -> None:
    assert prefixes_of([b"10.0.0.0/8", odd, b"192.0.2.1"]) is None
    assert isinstance(read_network(odd.decode()), Wrong)


@pytest.mark.parametrize(
    ("taken", "text"),
    [
        (True, b"0.0.0.0"),
        (True, b"255.255.255.255"),
        (True, b"10.20.30.99"),
        (False, b"256.0.0.1"),
        (False, b"01.2.3.4"),
        (False, b"1.2.3"),
        (False, b"1.2.3.4.5"),
        (False, "\u0661.2.3.4".encode()),
    ],
)
def test_the_short_cut_takes_dotted_quads_and_nothing_like_them(*, taken: bool, text: bytes) -> None:
    assert (re.fullmatch(QUAD, text) is not None) is taken
