"""What is asked of the store and how its answer is read. What the script itself does is in test_store.py."""

from __future__ import annotations

import pytest

from gateway.limits.cluster import script
from gateway.limits.cluster.script import Asked
from gateway.policy.limits import LimitSpec, LimitState, Rate
from gateway.policy.model import Reason

THIRDS = Asked(LimitSpec(id="thirds", key=("user",), rate=Rate.of("3/s", 3)), ("alice",), "a")
RUNNING = Asked(LimitSpec(id="running", key=("user",), concurrent=4), ("alice",), "b")


def test_the_store_is_told_every_limit_with_its_numbers_as_exactly_as_they_are() -> None:
    assert script.arguments([THIRDS], [RUNNING], "lease", 30.0) == [
        *(2, "a", "b", 1, "lease", 30_000),
        *("rate", 333_333, 1, 3, 666_666, 2),
        *("running", 0, 0, 0, 4, 0),
    ]


def test_an_admitted_request_learns_where_it_stands_and_what_it_holds() -> None:
    outcome, refusing, held = script.read([THIRDS, RUNNING], [], [0, 0, b"333333", b"1", 0, b"3", b"0"])

    assert outcome.refused is None
    assert outcome.states == (
        LimitState("thirds", quota=3, window=1.0, remaining=2, reset=0.333334),
        LimitState("running", quota=4, window=0.0, remaining=1, reset=0.0),
    )
    assert (refusing, held) == (frozenset(), [RUNNING])


def test_of_several_refusals_the_longest_wait_is_told() -> None:
    outcome, _, held = script.read([THIRDS, RUNNING], [], [1, 1, b"3666667", b"0", 1, b"4", b"0"])

    assert (outcome.refused, outcome.reason) == ("thirds", Reason.RATE_EXCEEDED)
    assert outcome.retry_after == pytest.approx(3.0)
    assert held == []


def test_a_trial_that_would_refuse_holds_nothing() -> None:
    outcome, refusing, held = script.read([], [THIRDS, RUNNING], [0, 0, b"0", b"0", 1, b"4", b"0"])

    assert (outcome.refused, outcome.states, refusing, held) == (None, (), frozenset({"running"}), [])


@pytest.mark.parametrize("said", [None, b"OK", [], [0], [0, 0, b"x", b"0"], [0, 0, b"1", b"2", 0]])
def test_an_answer_that_the_script_cannot_have_given_is_none(said: object) -> None:
    with pytest.raises(ValueError, match=r"the store|invalid literal"):
        script.read([THIRDS], [], said)
