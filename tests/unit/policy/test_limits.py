"""What a table of limits says, whether it is one process's own or one that several count in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.limits.shared import SharedTable
from gateway.policy.limits import LimitOutcome, Limits, LimitSpec, LimitState, LimitTable, Rate
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

type Made = Callable[[Sequence[LimitSpec]], Limits]

ALICE = ("10.0.0.1",)
BOB = ("10.0.0.2",)


@pytest.fixture(params=["own", "shared"])
def table_of(request: pytest.FixtureRequest) -> Iterator[Made]:
    if request.param == "own":
        yield LimitTable
        return
    made = SharedTable.create(workers=2, cells=64)
    table = SharedTable.attach(made.fd, 1)
    yield lambda specs: table.limits("egress", specs)
    table.memory.close()
    made.close()


def rate_of(text: str, burst: int) -> Rate:
    return Rate.of(text, burst)


PER_CLIENT = LimitSpec(id="per-client", key=("client.ip",), rate=rate_of("60/min", 2))
IN_FLIGHT = LimitSpec(id="in-flight", key=("client.ip",), concurrent=1)


def test_a_request_that_no_limit_counts_is_admitted_without_a_lease(table_of: Made) -> None:
    assert LimitOutcome() == table_of([PER_CLIENT]).charge([], [], now=0.0)


def test_an_admitted_request_learns_where_it_stands(table_of: Made) -> None:
    outcome = table_of([PER_CLIENT]).charge([PER_CLIENT], [ALICE], now=0.0)

    assert (outcome.refused, outcome.reason) == (None, None)
    assert (LimitState("per-client", quota=60, window=60.0, remaining=1, reset=1.0),) == outcome.states


def test_a_refused_request_learns_by_which_limit_and_for_how_long(table_of: Made) -> None:
    table = table_of([PER_CLIENT])
    for _ in range(2):
        table.charge([PER_CLIENT], [ALICE], now=0.0)

    outcome = table.charge([PER_CLIENT], [ALICE], now=0.25)

    assert (outcome.refused, outcome.reason) == ("per-client", Reason.RATE_EXCEEDED)
    assert outcome.retry_after == pytest.approx(0.75)
    assert (outcome.states[0].remaining, outcome.lease) == (0, None)


def test_keys_are_counted_apart(table_of: Made) -> None:
    table = table_of([IN_FLIGHT])

    held = [table.charge([IN_FLIGHT], [key], now=0.0) for key in (ALICE, BOB)]

    assert [outcome.refused for outcome in held] == [None, None]


def test_exchanges_that_run_refuse_another_until_one_ends(table_of: Made) -> None:
    table = table_of([IN_FLIGHT])
    running = table.charge([IN_FLIGHT], [ALICE], now=0.0).lease
    assert running is not None

    refused = table.charge([IN_FLIGHT], [ALICE], now=0.0)
    running.release()
    again = table.charge([IN_FLIGHT], [ALICE], now=0.0)

    assert (refused.refused, refused.reason, refused.retry_after) == ("in-flight", Reason.CONCURRENCY_EXCEEDED, 1.0)
    assert (again.refused, again.reason) == (None, None)


def test_a_request_that_one_limit_refuses_is_charged_to_none(table_of: Made) -> None:
    table = table_of([PER_CLIENT, IN_FLIGHT])
    both, keys = [PER_CLIENT, IN_FLIGHT], [ALICE, ALICE]
    running = table.charge(both, keys, now=0.0).lease
    assert running is not None

    refused = [table.charge(both, keys, now=0.0).reason for _ in range(5)]
    running.release()

    assert refused == [Reason.CONCURRENCY_EXCEEDED] * 5
    assert table.charge(both, keys, now=0.0).refused is None  # the second of the burst was not used up by the refusals
    assert _refusal(table.charge([PER_CLIENT], [ALICE], now=0.0)) == ("per-client", Reason.RATE_EXCEEDED)


def test_a_rate_that_refuses_takes_no_lease(table_of: Made) -> None:
    table = table_of([PER_CLIENT, IN_FLIGHT])
    for _ in range(2):
        table.charge([PER_CLIENT], [ALICE], now=0.0)

    assert _refusal(table.charge([PER_CLIENT, IN_FLIGHT], [ALICE, ALICE], now=0.0)) == (
        "per-client",
        Reason.RATE_EXCEEDED,
    )
    assert _refusal(table.charge([IN_FLIGHT], [ALICE], now=0.0)) == (None, None)


def test_one_lease_stands_for_all_limits_of_an_exchange(table_of: Made) -> None:
    everyone = LimitSpec(id="everyone", key=(), concurrent=1)
    table = table_of([IN_FLIGHT, everyone])
    lease = table.charge([IN_FLIGHT, everyone], [ALICE, ()], now=0.0).lease
    assert lease is not None

    lease.release()

    assert _refusal(table.charge([IN_FLIGHT, everyone], [ALICE, ()], now=0.0)) == (None, None)


@pytest.mark.parametrize("turned", [False, True])
def test_of_several_refusals_the_longest_wait_is_told_whatever_their_order(table_of: Made, *, turned: bool) -> None:
    slow = LimitSpec(id="a-slow-one", key=("user",), rate=rate_of("1/h", 1))
    specs, keys = [PER_CLIENT, slow], [ALICE, ("alice",)]
    table = table_of(specs)
    table.charge(specs, keys, now=0.0)
    table.charge([PER_CLIENT], [ALICE], now=0.0)

    step = -1 if turned else 1
    outcome = table.charge(specs[::step], keys[::step], now=0.0)

    assert (outcome.refused, outcome.reason, outcome.retry_after) == ("a-slow-one", Reason.RATE_EXCEEDED, 3600.0)


def test_a_full_table_refuses_keys_that_it_cannot_count(table_of: Made) -> None:
    small = LimitSpec(id="small", key=("client.ip",), rate=rate_of("60/min", 1), capacity=1)
    table = table_of([small])
    table.charge([small], [ALICE], now=0.0)

    outcome = table.charge([small], [BOB], now=0.25)

    assert _refusal(outcome) == ("small", Reason.LIMIT_TABLE_FULL)
    assert outcome.retry_after == pytest.approx(0.75)


def test_a_limit_is_charged_once_per_request(table_of: Made) -> None:
    with pytest.raises(ValueError, match="once"):
        table_of([PER_CLIENT]).charge([PER_CLIENT, PER_CLIENT], [ALICE, BOB], now=0.0)


def test_a_limit_of_another_policy_is_an_error_and_no_admission(table_of: Made) -> None:
    with pytest.raises(KeyError):
        table_of([PER_CLIENT]).charge([IN_FLIGHT], [ALICE], now=0.0)


def test_a_reload_does_not_give_anybody_a_new_burst(table_of: Made) -> None:
    table = table_of([PER_CLIENT])
    for _ in range(2):
        table.charge([PER_CLIENT], [ALICE], now=0.0)

    reloaded = table.carried_into([IN_FLIGHT, PER_CLIENT])

    assert _refusal(reloaded.charge([PER_CLIENT], [ALICE], now=0.0)) == ("per-client", Reason.RATE_EXCEEDED)


def test_the_old_and_the_new_policy_count_together_while_both_are_in_use(table_of: Made) -> None:
    old = table_of([PER_CLIENT])
    new = old.carried_into([PER_CLIENT])

    new.charge([PER_CLIENT], [ALICE], now=0.0)
    old.charge([PER_CLIENT], [ALICE], now=0.0)

    assert _refusal(new.charge([PER_CLIENT], [ALICE], now=0.0)) == ("per-client", Reason.RATE_EXCEEDED)


@pytest.mark.parametrize(
    "changed",
    [
        LimitSpec(id="per-client", key=("client.ip",), rate=rate_of("30/min", 2)),
        LimitSpec(id="per-client", key=("user",), rate=rate_of("60/min", 2)),
        LimitSpec(id="per-user", key=("client.ip",), rate=rate_of("60/min", 2)),
    ],
)
def test_a_rate_that_changed_starts_anew(table_of: Made, changed: LimitSpec) -> None:
    table = table_of([PER_CLIENT])
    for _ in range(2):
        table.charge([PER_CLIENT], [ALICE], now=0.0)

    reloaded = table.carried_into([changed])

    assert _refusal(reloaded.charge([changed], [ALICE], now=0.0)) == (None, None)


def test_exchanges_that_run_count_on_under_a_new_number_and_are_given_back_to_it(table_of: Made) -> None:
    two = LimitSpec(id="in-flight", key=("client.ip",), concurrent=2)
    table = table_of([two])
    leases = [table.charge([two], [ALICE], now=0.0).lease for _ in range(2)]

    reloaded = table.carried_into([IN_FLIGHT])
    refusals = []
    for lease in leases:
        refusals.append(_refusal(reloaded.charge([IN_FLIGHT], [ALICE], now=0.0)))
        assert lease is not None
        lease.release()

    assert refusals == [("in-flight", Reason.CONCURRENCY_EXCEEDED)] * 2
    assert _refusal(reloaded.charge([IN_FLIGHT], [ALICE], now=0.0)) == (None, None)


def _refusal(outcome: LimitOutcome) -> tuple[str | None, Reason | None]:
    return outcome.refused, outcome.reason


def test_what_was_refused_elsewhere_is_taken_back_from_rates(table_of: Made) -> None:
    table = table_of([PER_CLIENT, IN_FLIGHT])
    both, keys = [PER_CLIENT, IN_FLIGHT], [ALICE, ALICE]
    outcome = table.charge(both, keys, now=0.0)
    assert outcome.lease is not None
    outcome.lease.release()

    table.uncharge(both, keys)
    table.uncharge(both, [BOB, BOB])

    assert [table.charge([PER_CLIENT], [ALICE], now=0.0).states[0].remaining for _ in range(2)] == [1, 0]


def test_a_limit_tells_how_many_keys_it_holds(table_of: Made) -> None:
    table = table_of([PER_CLIENT, IN_FLIGHT])
    for key in (ALICE, BOB):
        table.charge([PER_CLIENT], [key], now=0.0)
    table.charge([IN_FLIGHT], [ALICE], now=0.0)

    assert (table.held("per-client"), table.held("in-flight")) == (2, 1)
    assert {state.key for state in table.fullest("per-client", 0.0, 5)} <= {ALICE, BOB}
