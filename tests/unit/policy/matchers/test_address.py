from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.matchers.address import client_views, destinations, leads_astray
from gateway.policy.model import ABSENT, UNKNOWN
from tests.conditions import ALLOW, DENY, truth
from tests.gates import PUBLIC, facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth

NAT64 = "64:ff9b::a01:203"
"""10.1.2.3 behind a translator."""


@pytest.mark.parametrize(
    ("wanted", "asked", "client"),
    [
        (True, {"in": ["10.0.0.0/8"]}, "10.1.2.3"),
        (True, {"in": ["10.0.0.0/8"]}, "::ffff:10.1.2.3"),
        (False, {"in": ["10.0.0.0/8"]}, "11.1.2.3"),
        (True, {"in": ["private"]}, "192.168.0.1"),
        (True, {"in": ["public", "loopback"]}, "127.0.0.1"),
        (True, {"in": ["@nets"]}, "10.1.2.3"),
        (False, {"in": ["@nets"]}, "10.2.2.3"),
        (True, {"in": ["@nets", "192.168.0.0/16"]}, "192.168.0.1"),
        (False, {"not_in": ["@nets", "loopback"]}, "10.1.2.3"),
        (True, {"not_in": ["@nets", "loopback"]}, "10.2.2.3"),
        (None, {"in": ["private"]}, UNKNOWN),
        (None, {"not_in": ["private"]}, UNKNOWN),
    ],
)
def test_an_address_lies_in_networks_classes_and_lists(wanted: Truth, asked: Any, client: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth("client.ip", asked, facts(client=client), side) is wanted


@pytest.mark.parametrize(
    ("denies", "allows", "asked"),
    [
        (True, False, {"in": ["10.0.0.0/8"]}),
        (True, False, {"in": ["64:ff9b::/96"]}),
        (True, True, {"in": ["64:ff9b::/96", "10.0.0.0/8"]}),
        (True, False, {"not_in": ["10.0.0.0/8"]}),
        (False, False, {"not_in": ["64:ff9b::/96", "10.0.0.0/8"]}),
        (True, True, {"not_in": ["192.168.0.0/16"]}),
    ],
)
def test_an_address_is_judged_together_with_the_one_inside_it(denies: Truth, allows: Truth, asked: Any) -> None:
    for fact, known in (("client.ip", facts(client=NAT64)), ("destination.ip", facts(destination=NAT64))):
        assert truth(fact, asked, known, DENY) is denies
        assert truth(fact, asked, known, ALLOW) is allows


@pytest.mark.parametrize(
    ("denies", "allows", "asked"),
    [
        (True, False, {"in": ["10.0.0.0/8"]}),
        (True, False, {"not_in": ["10.0.0.0/8"]}),
        (True, True, {"in": ["10.0.0.0/8", "public"]}),
        (False, False, {"not_in": ["10.0.0.0/8", "public"]}),
        (True, True, {"not_in": ["192.168.0.0/16"]}),
    ],
)
def test_one_forbidden_answer_denies_and_an_allow_needs_all_of_them(denies: Truth, allows: Truth, asked: Any) -> None:
    known = facts(destination=(PUBLIC, "10.1.2.3"))

    assert truth("destination.ip", asked, known, DENY) is denies
    assert truth("destination.ip", asked, known, ALLOW) is allows


def test_a_host_that_is_an_address_is_its_own_destination() -> None:
    literal = facts(host="10.1.2.3", destination=UNKNOWN)
    claimed = facts(host="10.1.2.3", destination=PUBLIC)

    assert truth("destination.ip", {"in": ["private"]}, literal) is True
    assert truth("destination.ip", {"in": ["private"]}, claimed) is True
    assert truth("destination.ip", {"in": ["public"]}, claimed, ALLOW) is False


@pytest.mark.parametrize(
    ("astray", "host", "destination"),
    [
        (False, PUBLIC, PUBLIC),
        (True, PUBLIC, "10.1.2.3"),
        (True, PUBLIC, (PUBLIC, "10.1.2.3")),
        (False, "a.example", "10.1.2.3"),
        (False, PUBLIC, UNKNOWN),
        (False, PUBLIC, ABSENT),
        (False, UNKNOWN, PUBLIC),
    ],
)
def test_an_address_leads_astray_where_another_is_dialled_for_it(astray: bool, host: Any, destination: Any) -> None:  # noqa: FBT001 - a column of the table
    assert leads_astray(facts(host=host, destination=destination)) is astray


@pytest.mark.parametrize("nowhere", [UNKNOWN, ABSENT, ()])
def test_a_name_that_led_nowhere_has_an_unknown_destination(nowhere: Any) -> None:
    known = facts(destination=nowhere)

    assert destinations(known) is UNKNOWN
    assert truth("destination.ip", {"in": ["private"]}, known) is None
    assert truth("destination.ip", {"not_in": ["private"]}, known, ALLOW) is None


def test_an_unknown_client_has_unknown_views() -> None:
    assert client_views(facts(client=UNKNOWN)) is UNKNOWN
    assert [str(view) for view in _tuple(client_views(facts(client=NAT64)))] == [NAT64, "10.1.2.3"]


def _tuple(views: Any) -> tuple[Any, ...]:
    assert isinstance(views, tuple)
    return views
