from __future__ import annotations

import copy
from dataclasses import FrozenInstanceError, fields, replace

import pytest

from gateway.policy.model import (
    ABSENT,
    ALLOWING,
    OPEN_FACTS,
    RESPONSE_FACTS,
    SIZE_FACTS,
    UNKNOWN,
    Decision,
    FactName,
    Facts,
    Pending,
    Reason,
    Treatment,
    Verdict,
    refuse,
)

ALLOW = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT)


@pytest.mark.parametrize("reason", Reason)
def test_a_reason_belongs_to_one_verdict_alone(reason: Reason) -> None:
    right, wrong = (Verdict.ALLOW, Verdict.DENY) if reason in ALLOWING else (Verdict.DENY, Verdict.ALLOW)

    decision = Decision(verdict=right, reason=reason)

    assert (decision.verdict, decision.reason) == (right, reason)
    assert (decision.allowed, decision.denied) == (right is Verdict.ALLOW, right is Verdict.DENY)
    with pytest.raises(ValueError, match=f"`{reason}` is no reason to {wrong.value}"):
        Decision(verdict=wrong, reason=reason)


def test_only_three_reasons_let_anything_through() -> None:
    assert {"allowed-by-rule", "allowed-by-default", "own-page"} == ALLOWING


@pytest.mark.parametrize(
    "answer",
    [Verdict.ALLOW, Verdict.DENY, ALLOW, refuse(Reason.CAPACITY), Pending(), Pending(("r",)), Treatment(inspect=False)],
)
def test_no_answer_can_be_taken_for_a_truth_value(answer: object) -> None:
    with pytest.raises(TypeError, match="no truth value"):
        bool(answer)


@pytest.mark.parametrize("reason", [reason for reason in Reason if reason not in ALLOWING])
def test_a_refusal_is_a_denial_that_no_rule_made(reason: Reason) -> None:
    decision = refuse(reason, "why")

    assert (decision.verdict, decision.reason, decision.rule, decision.message) == (Verdict.DENY, reason, None, "why")


@pytest.mark.parametrize("reason", sorted(ALLOWING))
def test_a_refusal_cannot_let_anything_through(reason: Reason) -> None:
    with pytest.raises(ValueError, match="is no reason to deny"):
        refuse(reason)


def test_of_a_new_exchange_nothing_is_known_but_the_time() -> None:
    facts = Facts(now=1.0)

    known = {field.name for field in fields(facts) if getattr(facts, field.name) is not UNKNOWN}
    assert known == {"now"}


def test_unknown_and_absent_stay_themselves_wherever_they_go() -> None:
    for missing in (UNKNOWN, ABSENT):
        assert copy.deepcopy(missing) is missing
    assert (UNKNOWN.value, ABSENT.value) == ("unknown", "absent")


def test_facts_and_decisions_are_never_changed_afterwards() -> None:
    for value in (Facts(now=1.0), ALLOW, Pending(), Treatment(inspect=True)):
        name = fields(value)[0].name
        with pytest.raises(FrozenInstanceError):
            setattr(value, name, None)


def test_what_may_be_open_when_a_request_is_forwarded_is_the_answer_and_the_sizes() -> None:
    assert {*RESPONSE_FACTS, *SIZE_FACTS} == OPEN_FACTS
    assert {FactName.REQUEST_SIZE} == OPEN_FACTS - RESPONSE_FACTS
    assert FactName.DESTINATION_IP not in OPEN_FACTS


def test_facts_learn_more_as_they_would_be_replaced() -> None:
    before = Facts(now=1.0, method="GET", user=ABSENT)

    after = before.learning(request_size=3, method="PUT")

    assert replace(before, request_size=3, method="PUT") == after
    assert (before.method, before.request_size) == ("GET", UNKNOWN)
    assert before == before.learning()


def test_what_is_no_fact_cannot_be_learnt() -> None:
    with pytest.raises(KeyError, match="colour"):
        Facts(now=1.0).learning(colour="red")
