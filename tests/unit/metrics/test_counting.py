from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.metrics import families as of
from gateway.metrics.counting import MOST, OTHERS, Counting
from gateway.metrics.snapshot import Distribution, Snapshot
from gateway.policy.model import Decision, Reason, Shadow, Verdict, refuse

ALLOWED = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_RULE, rule="staff")
DENIED = Decision(verdict=Verdict.DENY, reason=Reason.RULE_DENY, rule="no-ads")
DECISIONS = st.sampled_from([ALLOWED, DENIED, refuse(Reason.CAPACITY)])
LISTENERS = st.sampled_from(["egress", "shop"])
ENDS = st.tuples(
    st.tuples(
        *(LISTENERS, st.sampled_from(["request", "tunnel"]), st.integers(0, 5)),
        *(st.sampled_from(["", "upstream-refused"]), st.sampled_from(["", "hit", "stored"])),
    ),
    st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)),
    st.floats(0, 400),
    st.floats(0, 400),
)


def seen(counting: Counting) -> Snapshot:
    return Snapshot(counting.series())


def total(snapshot: Snapshot, family: of.Family) -> int:
    """All series of a family together; of distributions, how many values they hold."""
    return sum(
        sum(value.counts) if isinstance(value, Distribution) else value for value in snapshot.of(family).values()
    )


def test_decisions_are_told_apart_by_verdict_reason_and_rule() -> None:
    counting = Counting()
    for each in (ALLOWED, DENIED, DENIED, refuse(Reason.CAPACITY)):
        counting.decided("egress", each)

    assert seen(counting).of(of.DECISIONS) == {
        ("egress", "allow", "allowed-by-rule", "staff"): 1,
        ("egress", "deny", "rule-deny", "no-ads"): 2,
        ("egress", "deny", "capacity", ""): 1,
    }


def test_what_a_limit_refuses_is_counted_for_the_limit() -> None:
    counting = Counting()
    counting.decided("egress", Decision(verdict=Verdict.DENY, reason=Reason.RATE_EXCEEDED, rule="per-client"))
    counting.decided("egress", DENIED)

    assert seen(counting).of(of.LIMIT_REFUSALS) == {("egress", "per-client", "rate-exceeded"): 1}


def test_rules_on_trial_are_counted_beside_the_decision() -> None:
    counting, trial = Counting(), (Shadow("no-games", "deny"), Shadow("per-client", "deny"))
    for _ in range(2):
        counting.decided("egress", Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT, shadow=trial))

    assert seen(counting).of(of.SHADOWS) == {("egress", "no-games", "deny"): 2, ("egress", "per-client", "deny"): 2}


def test_policies_without_end_do_not_bring_series_without_end() -> None:
    counting = Counting()
    for number in range(MOST + 10):
        counting.decided("egress", Decision(verdict=Verdict.DENY, reason=Reason.RULE_DENY, rule=f"rule-{number}"))

    series = seen(counting).of(of.DECISIONS)
    assert len(series) == MOST + 1
    assert series["egress", "deny", "rule-deny", OTHERS] == 10
    assert total(seen(counting), of.DECISIONS) == MOST + 10


def test_an_end_is_shown_in_every_family_that_it_concerns() -> None:
    counting = Counting()
    counting.ended(("shop", "request", 2, "", "stored"), (5, 100), 0.25, 0.001)
    counting.ended(("shop", "request", 5, "upstream-refused", "miss"), (0, 50), 0.0101, 0.002)
    counting.ended(("shop", "tunnel", 0, "", ""), (7, 7), 500.0, 0.5)
    snapshot = seen(counting)

    assert snapshot.of(of.EXCHANGES) == {
        ("shop", "request", "2xx", ""): 1,
        ("shop", "request", "5xx", "upstream-refused"): 1,
        ("shop", "tunnel", "", ""): 1,
    }
    assert snapshot.of(of.BODIES) == {("shop", "up"): 12, ("shop", "down"): 157}
    assert snapshot.of(of.CACHE_REQUESTS) == {("shop", "stored"): 1, ("shop", "miss"): 1}
    assert snapshot.of(of.CACHE_STORES) == {("shop",): 1}
    assert snapshot.of(of.DURATION) == {
        ("shop", "request"): Distribution((0, 0, 0, 0, 1, 0, 0, 1, *(0,) * 9), 260_100),
        ("shop", "tunnel"): Distribution((*(0,) * 16, 1), 500_000_000),
    }
    assert snapshot.of(of.JUDGING) == {("shop",): Distribution((1, 1, 0, 0, 0, 0, 0, 0, 1, *(0,) * 8), 503_000)}


@given(st.lists(st.tuples(LISTENERS, DECISIONS)), st.lists(ENDS))
def test_sums_over_labels_are_what_was_counted(
    decisions: list[tuple[str, Decision]],
    ends: list[tuple[tuple[str, str, int, str, str], tuple[int, int], float, float]],
) -> None:
    counting = Counting()
    for listener, decision in decisions:
        counting.decided(listener, decision)
    for end in ends:
        counting.ended(*end)
    snapshot = seen(counting)

    assert total(snapshot, of.DECISIONS) == len(decisions)
    assert total(snapshot, of.EXCHANGES) == total(snapshot, of.DURATION) == total(snapshot, of.JUDGING) == len(ends)
    assert total(snapshot, of.BODIES) == sum(up + down for _, (up, down), _, _ in ends)


@given(st.lists(st.one_of(DECISIONS, ENDS), max_size=20))
def test_what_is_counted_never_goes_down(events: list[object]) -> None:
    counting, before = Counting(), Snapshot()
    for event in events:
        if isinstance(event, Decision):
            counting.decided("egress", event)
        elif isinstance(event, tuple):
            counting.ended(*event)
        now = seen(counting)
        for name, series in before.families.items():
            for labels, value in series.items():
                assert _least(now.families[name][labels]) >= _least(value)
        before = now


@pytest.mark.parametrize("seconds", [0.0, *of.BOUNDS, 1e9])
def test_a_value_on_the_border_of_a_bucket_is_in_it(seconds: float) -> None:
    counting = Counting()
    counting.ended(("egress", "request", 2, "", ""), (0, 0), seconds, seconds)
    ((_, found),) = seen(counting).of(of.DURATION).items()

    assert isinstance(found, Distribution)
    assert found.counts.index(1) == sum(1 for bound in of.BOUNDS if bound < seconds)


def test_a_listener_has_one_door_for_all_its_sockets() -> None:
    counting = Counting()
    counting.door("egress").accepted += 1
    counting.door("egress").accepted += 1
    counting.door("egress").refused += 1
    counting.door("shop")
    snapshot = seen(counting)

    assert snapshot.of(of.ACCEPTED) == {("egress",): 2, ("shop",): 0}
    assert snapshot.of(of.TURNED_AWAY) == {("egress",): 1, ("shop",): 0}


def _least(value: int | Distribution) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else (*value.counts, value.total)
