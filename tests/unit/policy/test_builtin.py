from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.model import ABSENT, UNKNOWN
from tests.gates import PUBLIC, facts, gate_of, said

if TYPE_CHECKING:
    from gateway.policy.gate import Gate

ALLOWED = ("allow", "allowed-by-default", None)
SPECIAL = ("deny", "guardrail", "builtin-special")
PORT = ("deny", "guardrail", "builtin-connect-port")


def _gate(*opened: str, ports: str = "[443]", **more: Any) -> Gate:
    networks = ", ".join(f'"{network}"' for network in opened)
    text = f"default: {{action: allow}}\nunsafe_destinations: [{networks}]\nconnect_ports: {ports}"
    return gate_of(text, **more)


@pytest.mark.parametrize(
    "address",
    [
        "127.0.0.1",
        "127.9.9.9",
        "0.0.0.0",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "169.254.1.1",
        "100.64.0.1",
        "100.100.100.200",
        "198.18.0.1",
        "192.0.2.1",
        "224.0.0.1",
        "240.0.0.1",
        "255.255.255.255",
        "::1",
        "::",
        "fe80::1",
        "fc00::1",
        "fec0::1",
        "fd00:ec2::254",
        "ff02::1",
        "2001:db8::1",
        "::ffff:10.0.0.1",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::10.0.0.1",
        "2002:a00:1::",
        "2001:0:a00:1::",
        "::10.0.0.1",
    ],
)
def test_special_destinations_are_closed_whatever_the_policy_says(address: str) -> None:
    assert said(_gate().upstream(facts(destination=address))) == SPECIAL
    assert said(_gate().upstream(facts(destination=(PUBLIC, address)))) == SPECIAL
    assert said(_gate().connect(facts(host=f"[{address}]" if ":" in address else address))) == SPECIAL


@pytest.mark.parametrize("address", [PUBLIC, "8.8.8.8", "2606:4700::1111"])
def test_public_destinations_are_open(address: str) -> None:
    assert said(_gate().upstream(facts(destination=address))) == ALLOWED


@pytest.mark.parametrize("name", ["metadata.google.internal", "METADATA.goog.", "instance-data"])
def test_the_names_of_metadata_services_are_closed_before_anybody_resolves_them(name: str) -> None:
    assert said(_gate().connect(facts(host=name))) == SPECIAL
    assert said(_gate("10.0.0.0/8").connect(facts(host=name))) == SPECIAL


@pytest.mark.parametrize("name", ["localhost", "LOCALHOST.", "foo.localhost", "a.b.Localhost"])
def test_all_names_under_localhost_are_loopback_before_anybody_resolves_them(name: str) -> None:
    assert said(_gate().connect(facts(host=name))) == SPECIAL
    assert said(_gate("127.0.0.2/32").upstream(facts(host=name, destination="127.0.0.2"))) == SPECIAL
    assert said(_gate("127.0.0.0/8").upstream(facts(host=name, destination="127.0.0.1"))) == ALLOWED


@pytest.mark.parametrize("name", ["notlocalhost", "localhost.example", "local-host", "localhostx"])
def test_a_name_that_only_looks_like_it_is_judged_by_its_addresses(name: str) -> None:
    assert said(_gate().upstream(facts(host=name, destination=PUBLIC))) == ALLOWED
    assert said(_gate().upstream(facts(host=name, destination="127.0.0.1"))) == SPECIAL


def test_whoever_opens_a_metadata_address_may_use_its_name() -> None:
    gate = _gate("169.254.169.254/32")

    assert said(gate.upstream(facts(host="metadata.google.internal", destination="169.254.169.254"))) == ALLOWED
    assert said(gate.upstream(facts(host="metadata.google.internal", destination="169.254.169.253"))) == SPECIAL


@pytest.mark.parametrize(
    ("wanted", "opened", "address"),
    [
        (ALLOWED, ["10.0.0.0/8"], "10.1.2.3"),
        (SPECIAL, ["10.0.0.0/8"], "192.168.0.1"),
        (SPECIAL, ["10.0.0.0/8"], "64:ff9b::10.1.2.3"),
        (SPECIAL, ["64:ff9b::/96"], "64:ff9b::10.1.2.3"),
        (ALLOWED, ["64:ff9b::/96", "10.0.0.0/8"], "64:ff9b::10.1.2.3"),
        (ALLOWED, ["64:ff9b::/96"], "64:ff9b::8.8.8.8"),
        (ALLOWED, ["10.0.0.0/8"], "::ffff:10.1.2.3"),
    ],
)
def test_opening_a_range_opens_only_what_it_names(
    wanted: tuple[str, str, str], opened: list[str], address: str
) -> None:
    assert said(_gate(*opened).upstream(facts(destination=address))) == wanted


@pytest.mark.parametrize(
    ("wanted", "own", "address", "port"),
    [
        (SPECIAL, ("127.0.0.1", 8080), "127.0.0.1", 8080),
        (ALLOWED, ("127.0.0.1", 8080), "127.0.0.1", 8081),
        (ALLOWED, ("127.0.0.1", 8080), "10.0.0.1", 8080),
        (SPECIAL, ("127.0.0.1", 8080), "127.0.0.2", 8080),
        (SPECIAL, ("127.0.0.1", 8080), "0.0.0.0", 8080),
        (SPECIAL, ("0.0.0.0", 8080), "127.3.4.5", 8080),
        (SPECIAL, ("0.0.0.0", 8080), "::1", 8080),
        (SPECIAL, ("::", 8080), "127.0.0.1", 8080),
        (ALLOWED, ("0.0.0.0", 8080), "10.0.0.1", 8080),
        (SPECIAL, ("10.0.0.1", 8080), "10.0.0.1", 8080),
        (SPECIAL, ("10.0.0.1", 8080), "64:ff9b::10.0.0.1", 8080),
        (SPECIAL, ("93.184.216.34", 8080), PUBLIC, 8080),
    ],
)
def test_the_gateway_itself_is_never_a_destination(
    wanted: tuple[str, str, str], own: tuple[str, int], address: str, port: int
) -> None:
    everything = _gate("0.0.0.0/0", "::/0", own=[own])

    assert said(everything.upstream(facts(destination=address, port=port, connect=False))) == wanted


def test_a_listener_of_the_gateway_whose_port_is_not_known_yet_counts_in_the_end() -> None:
    gate = _gate("0.0.0.0/0", own=[("10.0.0.1", 8080)])
    unknown = facts(destination="10.0.0.1", port=UNKNOWN, connect=False)

    assert said(gate.request(unknown)) == ("pending", None, None)
    assert said(gate.upstream(unknown)) == SPECIAL
    assert said(gate.upstream(facts(unknown, port=ABSENT))) == ALLOWED


@pytest.mark.parametrize(
    ("wanted", "ports", "connect", "port"),
    [
        (ALLOWED, "[443]", True, 443),
        (PORT, "[443]", True, 22),
        (PORT, "[443]", True, 80),
        (ALLOWED, "[443, 8443]", True, 8443),
        (PORT, "[8443]", True, 443),
        (ALLOWED, "[443]", False, 22),
        (ALLOWED, "[443]", ABSENT, 22),
        (PORT, "[443]", UNKNOWN, 22),
        (ALLOWED, "[443]", UNKNOWN, 443),
        (PORT, "[443]", True, UNKNOWN),
    ],
)
def test_tunnels_are_open_to_listed_ports_only(
    wanted: tuple[str, str, str], ports: str, connect: Any, port: Any
) -> None:
    assert said(_gate(ports=ports).upstream(facts(destination=PUBLIC, connect=connect, port=port))) == wanted


def test_a_tunnel_to_a_closed_port_is_refused_before_anything_else_is_known() -> None:
    gate = _gate()
    decision = gate.connect(facts(port=53, path=UNKNOWN, method=UNKNOWN))

    assert said(decision) == PORT


@pytest.mark.parametrize(
    ("verdict", "host"),
    [
        (ALLOWED, "site.example"),
        (SPECIAL, "10.0.0.1"),
        (SPECIAL, "::ffff:10.0.0.1"),
        (SPECIAL, "localhost"),
        (SPECIAL, "a.localhost"),
        (SPECIAL, "metadata.google.internal"),
    ],
)
@pytest.mark.parametrize("opened", [(), ("127.0.0.0/8", "::1/128")])
def test_of_a_name_that_only_a_parent_proxy_resolves_the_name_is_judged(
    verdict: tuple[str, str, str | None], host: str, opened: tuple[str, ...]
) -> None:
    assert verdict == said(_gate(*opened).upstream(facts(host=host, destination_ips=ABSENT)))


def test_a_name_that_nobody_has_resolved_yet_stays_closed() -> None:
    assert said(_gate().upstream(facts(host="site.example", destination_ips=UNKNOWN))) == SPECIAL
