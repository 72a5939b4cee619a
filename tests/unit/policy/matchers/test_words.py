from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.language.conditions import Condition
from gateway.policy.language.vocabulary import VOCABULARY
from gateway.policy.matchers.words import READERS, word_matcher
from gateway.policy.model import ABSENT, UNKNOWN
from tests.conditions import ALLOW, DENY, truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth


@pytest.mark.parametrize(
    ("wanted", "fact", "asked", "given"),
    [
        (True, "method", ["GET", "POST"], {"method": "POST"}),
        (False, "method", ["GET", "POST"], {"method": "PUT"}),
        (True, "scheme", ["https"], {"scheme": "https"}),
        (True, "port", [443, "8000-8099"], {"port": 8099}),
        (False, "port", [443, "8000-8099"], {"port": 8100}),
        (True, "port", ["1-65535"], {"port": 1}),
        (True, "protocol", ["h2", "websocket"], {"protocol": "websocket"}),
        (True, "user", ["alice"], {"user": "alice"}),
        (False, "user", ["alice"], {"user": "Alice"}),
        (True, "identity.method", ["password"], {"identity_method": "password"}),
        (True, "response.status", ["5xx", 404], {"response_status": 503}),
        (True, "response.status", ["5xx", 404], {"response_status": 404}),
        (False, "response.status", ["5xx", 404], {"response_status": 403}),
        (True, "response.type", ["text/html"], {"response_type": "text/html"}),
        (True, "tls.version", ["1.2", "1.3"], {"tls_version": "1.2"}),
        (True, "tls.inspected", [False], {"tls_inspected": False}),
        (False, "tls.inspected", [False], {"tls_inspected": True}),
        (False, "tls.inspected", [False], {"tls_inspected": ABSENT}),
        (False, "user", ["alice"], {"user": ABSENT}),
        (None, "user", ["alice"], {"user": UNKNOWN}),
        (None, "method", ["GET"], {"method": UNKNOWN}),
    ],
)
def test_a_word_is_compared_with_a_list_of_them(wanted: Truth, fact: str, asked: Any, given: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth(fact, asked, facts(**given), side) is wanted


@pytest.mark.parametrize(
    ("denies", "allows", "operator", "country"),
    [
        (True, True, "in", "DE"),
        (False, False, "in", "FR"),
        (False, False, "not_in", "DE"),
        (True, True, "not_in", "FR"),
        (False, False, "in", ABSENT),
        (True, False, "not_in", ABSENT),
        (None, None, "in", UNKNOWN),
        (None, None, "not_in", UNKNOWN),
    ],
)
def test_what_has_no_value_lies_outside_of_every_list_for_a_deny(
    denies: Truth, allows: Truth, operator: str, country: Any
) -> None:
    condition = Condition("destination.country", operator, ("DE",))
    known = facts(destination_country=country)

    assert word_matcher(condition, DENY)(known) is denies
    assert word_matcher(condition, ALLOW)(known) is allows


def test_every_plain_fact_of_the_vocabulary_can_be_read() -> None:
    plain = {fact for fact, shape in VOCABULARY.items() if shape.plain is not None}

    assert plain - set(READERS) == {fact for fact in VOCABULARY if fact in {"group", "time"}}
