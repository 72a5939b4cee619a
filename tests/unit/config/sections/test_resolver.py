from __future__ import annotations

from pathlib import Path

import pytest

from gateway.policy.addresses import Address
from tests.unit.config.objections import FORWARD, objections, read


def test_a_name_that_is_no_host_cannot_be_answered() -> None:
    assert objections(f"listeners: [{FORWARD}]\nresolver: {{hosts: {{a b: [10.0.0.1]}}}}") == [
        "resolver.hosts.a b: host `a b`: spaces are not allowed"
    ]


def test_the_resolver_is_told_of_a_name_of_all_below_a_name_and_of_names_that_there_are_not() -> None:
    hosts = "{Db.Example: [10.0.0.1], .Test: [10.0.0.2], no.test: []}"

    assert read(f"listeners: [{FORWARD}]\nresolver: {{hosts: {hosts}}}").resolver.hosts == {
        "db.example": (Address.parse("10.0.0.1"),),
        ".test": (Address.parse("10.0.0.2"),),
        "no.test": (),
    }


def test_name_servers_are_named_with_their_addresses_and_their_order_is_kept() -> None:
    servers = "[tls://192.0.2.1#dns.example, {url: https://dns.example/q, address: 2001:db8::1}]"
    found = read(
        f"listeners: [{FORWARD}]\nresolver: {{servers: {servers}, trust: ca.pem, keep_at_most: 1min}}"
    ).resolver

    assert [str(each) for each in found.servers] == [
        "tls://192.0.2.1#dns.example",
        "https://dns.example/q at 2001:db8::1",
    ]
    assert (found.trust, found.keep_at_least, found.keep_at_most) == (Path("base/ca.pem"), 0, 60)
    assert read(f"listeners: [{FORWARD}]\nresolver: {{servers: [system]}}").resolver.servers == ()


@pytest.mark.parametrize(
    ("objection", "resolver"),
    [
        ("resolver.servers: `system` asks whom the machine", "servers: [system, 192.0.2.1]"),
        ("resolver.servers: whoever blocks the servers", "servers: [tls://192.0.2.1, 192.0.2.2]"),
        ("resolver.servers: a server is named twice", "servers: [192.0.2.1, udp://192.0.2.1]"),
        ("resolver.servers[0]: `dns.example`: name servers are named", "servers: [dns.example]"),
        ("resolver.servers[0]: `address` is missing", "servers: [{url: https://dns.example/q}]"),
        ("resolver.servers: the list is empty", "servers: []"),
        ("resolver: `trust` has no effect", "trust: ca.pem"),
        ("resolver: `trust` has no effect", "{servers: [192.0.2.1], trust: ca.pem}"),
        ("resolver: `keep_at_least` is longer", "{keep_at_least: 2h, keep_at_most: 1h}"),
    ],
)
def test_servers_that_could_be_mistaken_are_refused(objection: str, resolver: str) -> None:
    inner = resolver if resolver.startswith("{") else f"{{{resolver}}}"
    (found,) = objections(f"listeners: [{FORWARD}]\nresolver: {inner}")

    assert found.startswith(objection)
