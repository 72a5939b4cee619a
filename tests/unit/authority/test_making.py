from __future__ import annotations

import datetime as dt

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.authority.exports import name_of
from gateway.authority.making import Plan, make, plan_of, planned
from tests.authorities import NOW, issue


def test_the_authority_lasts_ten_years_and_signs_no_other_authority() -> None:
    authority = make(NOW)
    basic = authority.certificate.extensions.get_extension_for_class(x509.BasicConstraints)

    assert (basic.critical, basic.value.ca, basic.value.path_length) == (True, True, 0)
    assert (authority.not_after - NOW).days in range(3649, 3651)
    assert isinstance(authority.key, ec.EllipticCurvePrivateKey)
    assert isinstance(authority.key.curve, ec.SECP256R1)


def test_two_authorities_are_told_apart_by_their_names() -> None:
    one, two = (make(NOW, Plan(name="Example")) for _ in range(2))

    assert name_of(one.certificate).startswith("Example CA ")
    assert name_of(one.certificate) != name_of(two.certificate)


def test_name_constraints_are_critical() -> None:
    plan = planned("Example", ["corp.example"], [], 86_400.0)

    assert make(NOW, plan).certificate.extensions.get_extension_for_class(x509.NameConstraints).critical


def test_the_plan_of_an_authority_is_read_from_it() -> None:
    plan = planned("Example", ["corp.example", "10.0.0.0/8"], ["a.corp.example"], 30 * 86_400.0)

    assert plan == plan_of(make(NOW, plan).certificate)


def test_the_plan_of_one_without_an_owner_has_the_usual_name() -> None:
    assert plan_of(issue().certificate).name == "Wicketgate"


def test_a_plan_that_makes_no_sense_is_refused() -> None:
    with pytest.raises(ValueError, match="host bits"):
        planned("Example", ["10.0.0.1/8"], [], dt.timedelta(days=1).total_seconds())
