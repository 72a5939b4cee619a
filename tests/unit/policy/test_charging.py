from __future__ import annotations

from gateway.policy.charging import charge
from gateway.policy.limits import LimitTable
from gateway.policy.model import UNKNOWN, Reason, Shadow
from tests.gates import facts, policy_of

LOGIN = """
default: {action: allow}
limits:
  - {id: login, key: [client.ip], rate: 1/min, burst: 1, when: {path: {prefix: [/login]}}}
  - {id: running, key: [client.ip], concurrent: 2}
"""
TRIAL = """
default: {action: allow}
limits:
  - {id: now, key: [client.ip], concurrent: 1}
  - {id: soon, key: [client.ip], concurrent: 1, stage: shadow}
  - {id: later, key: [client.ip], rate: 1/min, burst: 1, stage: shadow}
"""


def test_a_limit_counts_the_requests_that_it_is_about() -> None:
    policy = policy_of(LOGIN)
    table = LimitTable(policy.limit_specs)
    login, other = facts(path="/login"), facts(path="/")
    outcomes = [charge(policy.limits, table, known)[0] for known in (login, other, login)]

    assert [outcome.refused for outcome in outcomes] == [None, None, "login"]
    assert outcomes[2].reason is Reason.RATE_EXCEEDED
    assert [[state.id for state in outcome.states] for outcome in outcomes[:2]] == [["login", "running"], ["running"]]


def test_a_request_of_which_too_little_is_known_counts() -> None:
    policy = policy_of(LOGIN)
    table = LimitTable(policy.limit_specs)
    unseen = facts(path=UNKNOWN)

    assert charge(policy.limits, table, unseen)[0].refused is None
    assert charge(policy.limits, table, unseen)[0].refused == "login"


def test_a_refused_request_is_charged_to_no_limit() -> None:
    policy = policy_of(LOGIN)
    table = LimitTable(policy.limit_specs)
    held = [charge(policy.limits, table, facts(path="/"))[0] for _ in range(2)]
    full = charge(policy.limits, table, facts(path="/login"))[0]
    assert full.refused == "running"
    assert full.reason is Reason.CONCURRENCY_EXCEEDED

    for outcome in held:
        assert outcome.lease is not None
        outcome.lease.release()
    assert charge(policy.limits, table, facts(path="/login"))[0].refused is None


def test_limits_on_trial_tell_what_they_would_do_and_give_back_what_they_hold() -> None:
    policy = policy_of(TRIAL)
    table = LimitTable(policy.limit_specs)
    first, nothing = charge(policy.limits, table, facts())
    assert (first.refused, nothing) == (None, ())
    assert first.lease is not None
    first.lease.release()

    second, would = charge(policy.limits, table, facts())
    assert (second.refused, would) == (None, (Shadow("later", "deny"),))
    refused, silent = charge(policy.limits, table, facts())
    assert (refused.refused, silent) == ("now", ())


def test_without_limits_nothing_is_held() -> None:
    outcome, shadow = charge((), LimitTable(()), facts())

    assert (outcome.refused, outcome.lease, outcome.states, shadow) == (None, None, (), ())
