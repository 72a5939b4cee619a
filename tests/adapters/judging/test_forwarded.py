from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from addons.judging.forwarded import client_address, client_scheme, continues_trace, is_looping
from gateway.policy.addresses import Address, Network

PROXIES = (Network.parse("10.0.0.0/24"), Network.parse("2001:db8:1::/48"))


@pytest.mark.parametrize(
    ("client", "peer", "lines"),
    [
        # nobody is believed who is no trusted proxy
        ("192.0.2.1", "192.0.2.1", []),
        ("192.0.2.1", "192.0.2.1", ["6.6.6.6"]),
        ("192.0.2.1", "192.0.2.1", ["10.0.0.1"]),
        # one proxy: the entry that it wrote itself
        ("203.0.113.9", "10.0.0.1", ["203.0.113.9"]),
        ("203.0.113.9", "10.0.0.1", ["6.6.6.6, 203.0.113.9"]),
        ("203.0.113.9", "10.0.0.1", ["6.6.6.6", "203.0.113.9"]),
        # two proxies in a row, over several lines
        ("203.0.113.9", "10.0.0.1", ["6.6.6.6, 203.0.113.9", "10.0.0.2"]),
        ("203.0.113.9", "10.0.0.1", ["203.0.113.9,10.0.0.2 ,10.0.0.3"]),
        # ports, brackets and quotes
        ("203.0.113.9", "10.0.0.1", ["203.0.113.9:4711"]),
        ("2001:db8::9", "10.0.0.1", ["2001:db8::9"]),
        ("2001:db8::9", "10.0.0.1", ['"[2001:db8::9]:4711"']),
        ("203.0.113.9", "2001:db8:1::1", ["::ffff:203.0.113.9"]),
        # what is no address ends the walk: the last proxy is as far as anybody can see
        ("10.0.0.1", "10.0.0.1", []),
        ("10.0.0.1", "10.0.0.1", [""]),
        ("10.0.0.1", "10.0.0.1", ["unknown"]),
        ("10.0.0.1", "10.0.0.1", ["203.0.113.9, unknown"]),
        ("10.0.0.2", "10.0.0.1", ["203.0.113.9, _hidden, 10.0.0.2"]),
        ("10.0.0.7", "10.0.0.1", ["10.0.0.7"]),
        # what is only nearly an address is none
        ("10.0.0.1", "10.0.0.1", ["[2001:db8::9]evil"]),
        ("10.0.0.1", "10.0.0.1", ["[2001:db8::9"]),
        ("10.0.0.1", "10.0.0.1", ["203.0.113.9:evil"]),
        ("10.0.0.1", "10.0.0.1", ['"203.0.113.9']),
        ("10.0.0.1", "10.0.0.1", ["203.0.113.9 (comment)"]),
    ],
)
def test_the_client_is_the_first_address_from_the_right_that_is_no_trusted_proxy(
    client: str, peer: str, lines: list[str]
) -> None:
    assert Address.parse(client) == client_address(Address.parse(peer), PROXIES, lines)


@given(lines=st.lists(st.text(max_size=60), max_size=4))
def test_without_trusted_proxies_no_field_changes_the_client(lines: list[str]) -> None:
    peer = Address.parse("192.0.2.1")

    assert peer == client_address(peer, (), lines)


@given(forged=st.lists(st.ip_addresses().map(str) | st.text(max_size=20), max_size=6))
def test_nothing_that_a_client_writes_changes_what_its_proxy_wrote(forged: list[str]) -> None:
    seen = "203.0.113.9"

    assert Address.parse(seen) == client_address(Address.parse("10.0.0.1"), PROXIES, [",".join([*forged, seen])])


@pytest.mark.parametrize(
    ("loops", "lines"),
    [
        (True, ["1.1 wicketgate-7f"]),
        (True, ["1.0 fred, 1.1 wicketgate-7f (comment)"]),
        (True, ["1.1 other", "HTTP/1.1 wicketgate-7f"]),
        (False, []),
        (False, ["1.1 wicketgate-80"]),
        (False, ["wicketgate-7f 1.1"]),
        (False, ["1.1 proxy (wicketgate-7f)"]),
    ],
)
def test_a_request_that_came_through_here_before_is_known_again(*, loops: bool, lines: list[str]) -> None:
    assert loops is is_looping(lines, "wicketgate-7f")


@pytest.mark.parametrize(
    ("scheme", "lines"),
    [
        ("https", ["https"]),
        ("http", ["http"]),
        ("https", ["HTTPS "]),
        ("http", ["https, http"]),
        ("https", ["http", "http,https"]),
        # what is no scheme says nothing
        ("http", []),
        ("http", [""]),
        ("http", ["wss"]),
        ("http", ["https", "x"]),
    ],
)
def test_the_nearest_proxy_says_for_which_scheme_it_was_asked(scheme: str, lines: list[str]) -> None:
    assert scheme == client_scheme("http", lines)


@pytest.mark.parametrize(
    ("goes_on", "parents"),
    [
        (True, ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]),
        (False, []),
        (False, ["00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"] * 2),
        (False, ["00-4BF92F3577B34DA6A3CE929D0E0E4736-00f067aa0ba902b7-01"]),
        (False, ["ff-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"]),
        (False, ["00-00000000000000000000000000000000-00f067aa0ba902b7-01"]),
        (False, ["00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01"]),
        (False, ["evil"]),
    ],
)
def test_a_trace_is_named_once_and_well_or_not_at_all(*, goes_on: bool, parents: list[str]) -> None:
    assert goes_on is continues_trace(parents)
