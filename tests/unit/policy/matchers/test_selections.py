from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.language.vocabulary import VOCABULARY
from gateway.policy.matchers.selections import Reading
from gateway.policy.model import UNKNOWN, Facts
from tests.conditions import ALLOW, DENY, matcher, selected
from tests.gates import BROWSER, NOW, facts
from tests.strategies import CONDITIONS

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth

GET, POST = {"method": ["GET"]}, {"method": ["POST"]}
EXAMPLE, ELSEWHERE = {"host": {"is": ["example.com"]}}, {"host": {"is": ["example.net"]}}


@pytest.mark.parametrize(
    ("wanted", "selection"),
    [
        (True, {"when": GET}),
        (False, {"when": POST}),
        (True, {"when": GET | EXAMPLE}),
        (False, {"when": GET | ELSEWHERE}),
        (False, {"not_": GET}),
        (True, {"not_": GET | ELSEWHERE}),
        (True, {"when": GET, "not_": ELSEWHERE}),
        (False, {"when": GET, "not_": EXAMPLE}),
        (True, {"any": [POST, EXAMPLE]}),
        (False, {"any": [POST, ELSEWHERE]}),
        (False, {"when": GET, "any": [POST, ELSEWHERE]}),
    ],
)
def test_when_is_and_not_is_one_block_and_any_is_or(wanted: Truth, selection: Any) -> None:
    assert selected(BROWSER, **selection) is wanted


def test_what_a_deny_excludes_it_excludes_only_with_every_value() -> None:
    mixed = facts(headers=[("X-A", "inside"), ("X-A", "outside")])
    inside = {"header.x-a": {"is": ["inside"]}}

    assert selected(mixed, DENY, not_=inside) is True
    assert selected(mixed, ALLOW, not_=inside) is False
    assert selected(facts(headers=[("X-A", "inside")]), DENY, not_=inside) is False


@pytest.mark.parametrize(
    ("wanted", "reading", "selection"),
    [
        (None, Reading.KNOWN, {"when": {"user": ["eve"]}}),
        (True, Reading.STANDING, {"when": {"user": ["eve"]}}),
        (True, Reading.STANDING, {"not_": {"user": ["eve"]}}),
        (None, Reading.STANDING, {"when": {"response.status": [404]}}),
        (None, Reading.STANDING, {"not_": {"response.type": ["text/html"]}}),
        (None, Reading.STANDING, {"when": {"response.size": {"below": 10}}}),
        (True, Reading.ANSWERED, {"when": {"response.status": [404]}}),
        (True, Reading.ANSWERED, {"not_": {"response.type": ["text/html"]}}),
        (True, Reading.ANSWERED, {"when": {"response.size": {"below": 10}}}),
        (None, Reading.ANSWERED, {"when": {"response.size": {"above": 10}}}),
        (None, Reading.STANDING, {"when": {"request.size": {"above": 10}}}),
        (True, Reading.STANDING, {"when": {"request.size": {"below": 10}}}),
        (True, Reading.STANDING, {"not_": {"request.size": {"above": 10}}}),
        (None, Reading.STANDING, {"not_": {"request.size": {"below": 10}}}),
        (None, Reading.GROWING, {"when": {"request.size": {"above": 10}, "user": ["eve"]}}),
    ],
)
def test_a_reading_leaves_open_only_what_may_still_be_learnt(wanted: Truth, reading: Reading, selection: Any) -> None:
    nothing = facts(user=UNKNOWN, request_size=UNKNOWN)

    assert selected(nothing, DENY, reading, **selection) is wanted


def test_while_a_body_passes_its_size_is_what_has_passed() -> None:
    range_of_sizes = {"when": {"request.size": {"above": 10, "below": 100}}}

    assert selected(facts(request_size=5), DENY, Reading.GROWING, **range_of_sizes) is None
    assert selected(facts(request_size=50), DENY, Reading.GROWING, **range_of_sizes) is True
    assert selected(facts(request_size=500), DENY, Reading.GROWING, **range_of_sizes) is False


def test_an_allow_by_size_was_given_and_is_not_judged_again() -> None:
    small = {"when": {"request.size": {"below": 10}, "user": ["eve"]}}

    assert selected(facts(request_size=500, user="eve"), ALLOW, Reading.GRANTED, **small) is True
    assert selected(facts(request_size=500, user="bob"), ALLOW, Reading.GRANTED, **small) is False


ASKED: dict[str, Any] = {
    "client.ip": {"in": ["private"]},
    "destination.ip": {"in": ["private"]},
    "group": ["staff"],
    "header.x": {"present": True},
    "host": {"is": ["a.test"]},
    "identity.method": ["password"],
    "method": ["GET"],
    "path": {"is": ["/"]},
    "port": [443],
    "protocol": ["h2"],
    "query.x": {"present": True},
    "request.size": {"above": 1},
    "response.size": {"above": 1},
    "response.status": [404],
    "response.type": ["text/html"],
    "scheme": ["https"],
    "tls.inspected": [True],
    "tls.sni": {"is": ["a.test"]},
    "tls.version": ["1.2"],
    "user": ["alice"],
}
NEED_A_DATABASE = {"destination.country", "destination.asn"}


@pytest.mark.parametrize("fact", ASKED)
def test_every_condition_knows_what_it_does_not_know(fact: str) -> None:
    assert matcher(fact, ASKED[fact])(Facts(now=NOW)) is None


def test_every_fact_of_the_vocabulary_is_asked_for_above() -> None:
    asked = {fact.removesuffix(".x") for fact in ASKED}

    assert set(map(str, VOCABULARY)) - asked == {"time"} | NEED_A_DATABASE


def test_the_conditions_that_are_drawn_cover_the_vocabulary() -> None:
    drawn = {name.partition(".x")[0].partition(".q")[0] for name in CONDITIONS}

    assert set(map(str, VOCABULARY)) - drawn == {
        "scheme",
        "tls.sni",
        "identity.method",
        "destination.country",
        "destination.asn",
        "time",
    }
