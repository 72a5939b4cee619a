from __future__ import annotations

import datetime as dt

import pytest

from gateway.authority.constraints import Constraints
from gateway.authority.making import Plan, make
from tests.authorities import issue

CORP = Constraints.parse(["corp.example"], ["secret.corp.example"])
NETS = Constraints.parse(["10.0.0.0/8", "2001:db8::/32"], ["10.9.0.0/16"])
BOTH = Constraints.parse(["corp.example", "10.0.0.0/8"], [])
LESS = Constraints.parse([], ["bank.example", "192.0.2.0/24"])


@pytest.mark.parametrize(
    ("word", "constraints", "host"),
    [
        (None, CORP, "corp.example"),
        (None, CORP, "a.b.corp.example"),
        ("permit corp.example alone", CORP, "evilcorp.example"),
        ("permit corp.example alone", CORP, "example"),
        ("exclude secret.corp.example", CORP, "a.secret.corp.example"),
        ("exclude 0.0.0.0/0", CORP, "10.1.2.3"),
        ("exclude ::/0", CORP, "2001:db8::1"),
        (None, NETS, "10.1.2.3"),
        (None, NETS, "2001:db8::1"),
        ("exclude 10.9.0.0/16", NETS, "10.9.0.1"),
        ("permit 10.0.0.0/8, 2001:db8::/32 alone", NETS, "11.0.0.1"),
        ("permit invalid alone", NETS, "corp.example"),
        (None, BOTH, "corp.example"),
        (None, BOTH, "10.1.2.3"),
        ("permit 10.0.0.0/8 alone", BOTH, "2001:db8::1"),
        (None, LESS, "corp.example"),
        (None, LESS, "192.0.3.1"),
        ("exclude bank.example", LESS, "www.bank.example"),
        ("exclude 192.0.2.0/24", LESS, "192.0.2.1"),
        (None, Constraints((".corp.example",)), "a.corp.example"),
        ("permit .corp.example alone", Constraints((".corp.example",)), "corp.example"),
        ("exclude everything", Constraints((), ("",)), "anything.example"),
    ],
)
def test_a_host_is_permitted_or_it_is_said_why_not(word: str | None, constraints: Constraints, host: str) -> None:
    wanted = None if word is None else f"its name constraints {word}"

    assert wanted == constraints.objection(host)


@pytest.mark.parametrize("constraints", [CORP, NETS, BOTH, LESS, Constraints()])
def test_what_is_written_into_a_certificate_is_read_from_it(constraints: Constraints) -> None:
    certificate = make(dt.datetime.now(dt.UTC), Plan(constraints=constraints)).certificate

    assert constraints == Constraints.of(certificate)


def test_a_certificate_without_constraints_permits_everything() -> None:
    assert Constraints.of(issue().certificate).objection("any.example") is None


def test_a_network_with_bits_of_a_host_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits set"):
        Constraints.parse(["10.0.0.1/8"], [])
