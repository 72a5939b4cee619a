from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.policy.concurrency import Lease
from gateway.policy.dues import Away, settled
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitOutcome, LimitState, LimitTable
from gateway.policy.model import Decision, Reason, Shadow
from tests.gates import PUBLIC, facts, policy_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.limits import Key, LimitSpec

POLICY = """
default: {action: allow}
limits:
  - {id: here, key: [client.ip], rate: 2/h, burst: 2}
  - {id: running, key: [client.ip], concurrent: 1}
  - {id: there, key: [client.ip], rate: 1/h, burst: 1, scope: cluster}
  - {id: later, key: [client.ip], rate: 1/h, burst: 1, scope: cluster, stage: shadow}
  - {id: login, key: [client.ip], rate: 1/h, burst: 1, scope: cluster, when: {path: {prefix: [/login]}}}
"""


@dataclass
class Book:
    """A ledger that counts in this process; `error` is what comes instead of an answer."""

    table: LimitTable
    counts_alone: bool = False
    error: BaseException | None = None
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def charge(
        self, limits: Sequence[tuple[LimitSpec, Key]], trials: Sequence[tuple[LimitSpec, Key]]
    ) -> tuple[LimitOutcome, frozenset[str]]:
        await asyncio.sleep(0)
        self.asked.append(tuple(spec.id for spec, _ in (*limits, *trials)))
        if self.error is not None:
            raise self.error
        outcome = self.table.charge([spec for spec, _ in limits], [key for _, key in limits], 0.0)
        told = [self.table.charge([spec], [key], 0.0).refused for spec, key in trials if outcome.refused is None]
        return outcome, frozenset(each for each in told if each is not None)


def made(**more: object) -> tuple[Gate, Book]:
    policy = policy_of(POLICY)
    book = Book(LimitTable(policy.limit_specs), **more)  # type: ignore[arg-type]  # as the tests spell them
    return Gate(policy, LimitTable(policy.limit_specs), book), book


def judged(gate: Gate, path: str = "/") -> Decision:
    return gate.upstream(facts(destination=PUBLIC, path=path))


def stood(decision: Decision) -> Decision:
    return asyncio.run(settled(decision))


def said(decision: Decision) -> tuple[Reason, str | None]:
    return decision.reason, decision.rule


def test_an_allow_is_due_until_it_is_charged_and_tells_where_each_limit_was_counted() -> None:
    gate, book = made()
    allowed = judged(gate)
    decision = stood(allowed)

    assert (allowed.due is None, decision.due, decision.reason) == (False, None, Reason.ALLOWED_BY_DEFAULT)
    assert [(state.id, state.store) for state in decision.limits] == [
        ("here", None),
        ("running", None),
        ("there", "cluster"),
    ]
    assert book.asked == [("there", "later")]


def test_what_others_refuse_is_taken_back_here() -> None:
    gate, _ = made()
    first = stood(judged(gate))
    assert isinstance(first.lease, Lease)
    first.lease.release()

    for _ in range(3):
        refused = stood(judged(gate))
        assert said(refused) == (Reason.RATE_EXCEEDED, "there")
        assert (refused.denied, refused.lease, refused.due, refused.obligations) == (True, None, None, ())
        assert refused.place == "p.yaml:7"
        assert refused.retry_after == pytest.approx(3600)
    assert judged(gate).limits[0] == LimitState("here", quota=2, window=3600.0, remaining=0, reset=3600.0)


def test_what_is_refused_here_asks_nobody() -> None:
    gate, book = made()
    held = stood(judged(gate))
    refused = judged(gate)

    assert held.lease is not None
    assert (said(refused), refused.due, len(book.asked)) == ((Reason.CONCURRENCY_EXCEEDED, "running"), None, 1)


def test_trials_tell_what_they_would_do() -> None:
    gate, book = made()
    book.table.charge([limit.spec for limit in gate.policy.limits if limit.id == "later"], [_key(gate)], 0.0)

    assert stood(judged(gate)).shadow == (Shadow("later", "deny"),)


def _key(gate: Gate) -> Key:
    return gate.policy.limits[0].key(facts(destination=PUBLIC))


def test_without_the_store_nothing_that_it_counts_is_let_through() -> None:
    gate, _ = made(error=Away())
    refused = stood(judged(gate, "/login"))

    assert (said(refused), refused.retry_after) == ((Reason.LIMITS_UNAVAILABLE, "login"), 1.0)
    assert judged(gate).limits[0].remaining == 1  # what was charged here was taken back


def test_without_the_store_this_machine_may_count_alone_and_says_so() -> None:
    gate, _ = made(error=Away(), counts_alone=True)
    first = stood(judged(gate))
    assert first.lease is not None
    first.lease.release()
    second = stood(judged(gate))

    assert (first.reason, first.limits[-1].id, first.limits[-1].store) == (
        Reason.ALLOWED_BY_DEFAULT,
        "there",
        "local",
    )
    assert said(second) == (Reason.RATE_EXCEEDED, "there")


@pytest.mark.parametrize("error", [RuntimeError(), asyncio.CancelledError()])
def test_a_failure_leaves_nothing_charged_or_held(error: BaseException) -> None:
    gate, book = made(error=error)
    with pytest.raises(type(error)):
        stood(judged(gate))
    book.error = None

    decision = stood(judged(gate))
    assert (decision.reason, decision.limits[0].remaining) == (Reason.ALLOWED_BY_DEFAULT, 1)


def test_limits_of_a_cluster_are_counted_here_where_there_is_no_ledger() -> None:
    policy = policy_of(POLICY)
    gate = Gate(policy, LimitTable(policy.limit_specs))
    decision = judged(gate)

    assert (decision.due, [state.id for state in decision.limits]) == (None, ["here", "running", "there"])


def test_a_ledger_that_no_limit_of_the_policy_needs_is_never_asked() -> None:
    policy = policy_of("default: {action: allow}\nlimits: [{id: here, key: [host], rate: 2/h}]")
    gate = Gate(policy, LimitTable(policy.limit_specs), Book(LimitTable()))

    assert gate.ledger is None
    assert judged(gate).due is None
