from __future__ import annotations

from dataclasses import FrozenInstanceError
from datetime import date

import pytest

from gateway.policy.language.clauses import (
    ExceptionDocument,
    HeaderDocument,
    LimitDocument,
    RuleDocument,
    SpliceDocument,
    TlsDocument,
)
from gateway.policy.language.conditions import Condition, Selection
from gateway.policy.limits import Rate
from gateway.policy.problems import Place

WHEN = (Condition("method", "in", ("GET",)),)
NOT = (Condition("user", "in", ("alice",)),)
ANY = ((Condition("scheme", "in", ("http",)),),)


@pytest.mark.parametrize(
    "clause",
    [
        RuleDocument(id="r", action="deny", reason="x", when=WHEN, not_=NOT, any=ANY),
        ExceptionDocument(
            id="e", waives=("r",), expires=date(2026, 1, 1), owner="o", reason="x", when=WHEN, not_=NOT, any=ANY
        ),
        LimitDocument(id="l", key=("user",), concurrent=1, when=WHEN, not_=NOT, any=ANY),
        SpliceDocument(id="s", reason="x", when=WHEN, not_=NOT, any=ANY),
        HeaderDocument(when=WHEN, not_=NOT, any=ANY),
    ],
    ids=lambda clause: type(clause).__name__,
)
def test_every_clause_says_which_requests_it_is_about(
    clause: RuleDocument | ExceptionDocument | LimitDocument | SpliceDocument | HeaderDocument,
) -> None:
    assert clause.selection == Selection(WHEN, NOT, ANY)


def test_two_clauses_are_equal_if_they_say_the_same_wherever_they_stand() -> None:
    here = RuleDocument(id="r", action="deny", reason="x", place=Place("a", 1, 1))
    there = RuleDocument(id="r", action="deny", reason="x", place=Place("b", 2, 2))

    assert here == there
    assert hash(here) == hash(there)


def test_clauses_cannot_be_changed() -> None:
    rule = RuleDocument(id="r", action="deny", reason="x")

    with pytest.raises(FrozenInstanceError):
        rule.action = "allow"  # type: ignore[misc]  # that is what must not work


def test_only_a_limit_of_a_rate_has_a_burst() -> None:
    rate = Rate(amount=5, period=60.0, burst=3)

    assert LimitDocument(id="l", key=("user",), rate=rate).burst == 3
    assert LimitDocument(id="l", key=("user",), concurrent=3).burst is None


def test_whatever_is_not_said_about_tunnels_they_are_inspected() -> None:
    assert TlsDocument() == TlsDocument(inspect="all", splice=())
