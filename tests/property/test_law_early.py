"""Law 5: an early decision equals the full decision."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import given

from gateway.policy.model import Decision, Reason
from tests.strategies import ANSWER, FACTS, facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words

CONNECTION = frozenset(FACTS.values()) - {"client_ip"}
CONNECT = CONNECTION - {"host", "port", "connect", "user", "groups"}


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_what_is_denied_early_is_denied_in_the_end_and_by_a_rule_that_matches_then(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    judge, full = gate(policy, mode), facts(request)
    final = judge.upstream(forgotten(full, ANSWER))
    end = judge.response(full) if final.allowed else final
    for hidden in (lost, CONNECTION, CONNECT, ANSWER, ANSWER | {"destination_ips"}):
        early = judge.request(forgotten(full, hidden))
        if isinstance(early, Decision):
            assert early.denied, hidden
            assert end.denied, hidden
            assert early.unknown == (), hidden
            assert early.reason is Reason.DEFAULT or early.rule in judge.response(full).matched, hidden


@given(policy=policies(), request=requests(), mode=modes())
def test_once_everything_is_known_the_early_decision_is_the_full_one(policy: Words, request: Words, mode: Mode) -> None:
    judge, full = gate(policy, mode), facts(request)
    early, end = judge.request(full), judge.response(full)

    assert isinstance(early, Decision) is end.denied
    if isinstance(early, Decision):
        assert (early.reason, early.rule, early.matched) == (end.reason, end.rule, end.matched)


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_what_was_denied_early_stays_denied_whatever_is_learnt_next(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    judge, full = gate(policy, mode), facts(request)
    denied = False
    for hidden in (lost | ANSWER, lost, frozenset[str]()):
        answer = judge.request(forgotten(full, hidden))
        assert isinstance(answer, Decision) or not denied
        denied = isinstance(answer, Decision)


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_what_was_clear_early_needs_no_rule_to_be_asked_again(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    full = facts(request)
    last = forgotten(full, ANSWER)
    for hidden in (lost, ANSWER, ANSWER | {"destination_ips"}):
        early = gate(policy, mode).request(forgotten(last, hidden))
        again, whole = gate(policy, mode).upstream(last, early), gate(policy, mode).upstream(last)

        assert replace(again, lease=None) == replace(whole, lease=None)
        assert (again.lease is None) is (whole.lease is None)
