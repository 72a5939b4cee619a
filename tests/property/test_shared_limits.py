"""The table of several processes says what that of one process says, whatever is asked of it in whatever order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.limits.shared import SharedTable
from gateway.policy.limits import LimitSpec, LimitTable
from gateway.policy.model import Reason
from gateway.policy.rates import Rate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.limits import Lease, LimitOutcome, Limits

EPOCH = 1_900_000_000
RATES = st.builds(Rate, amount=st.integers(1, 50), period=st.sampled_from([1.0, 7.0, 60.0]), burst=st.integers(1, 5))
NUMBERS = st.integers(1, 3)
ROOM = st.integers(1, 3)


@dataclass(frozen=True)
class Step:
    """What happens: so many 64ths of a second pass, then a request, a release, a reload, or something taken back."""

    pause: int
    what: str
    keys: tuple[int, ...]
    which: frozenset[int]


STEPS = st.lists(
    st.builds(
        Step,
        pause=st.integers(0, 100),
        what=st.sampled_from(["ask", "ask", "ask", "ask", "end", "reload", "take back"]),
        keys=st.tuples(*[st.integers(0, 3)] * 3),
        which=st.frozensets(st.integers(0, 2), min_size=1),
    ),
    max_size=80,
)


@st.composite
def specs(draw: st.DrawFn) -> list[LimitSpec]:
    def spec(at: int) -> LimitSpec:
        counts_rate = draw(st.booleans())
        return LimitSpec(
            id=f"limit-{at}",
            key=("client.ip",),
            rate=draw(RATES) if counts_rate else None,
            concurrent=None if counts_rate else draw(NUMBERS),
            capacity=draw(ROOM),
        )

    return [spec(at) for at in range(3)]


def said(outcome: LimitOutcome) -> tuple[object, ...]:
    """All of it, but for how long a table may stay full, which the one that several limits share knows less well."""
    wait = None if outcome.reason is Reason.LIMIT_TABLE_FULL else outcome.retry_after
    return outcome.refused, outcome.reason, wait, outcome.states, outcome.lease is None


class Played:
    """A table to which steps happen."""

    def __init__(self, table: Limits, limits: Sequence[LimitSpec]) -> None:
        self.table, self.limits = table, limits
        self.leases: list[Lease] = []
        self.last: tuple[list[LimitSpec], list[tuple[int]]] | None = None

    def play(self, step: Step, now: float) -> object:
        if step.what == "end":
            if self.leases:
                self.leases.pop(step.keys[0] % len(self.leases)).release()
        elif step.what == "reload":
            self.table = self.table.carried_into(self.limits)
        elif step.what == "take back":
            if self.last is not None:
                self.table.uncharge(*self.last)
                self.last = None
        else:
            return self._asked(step, now)
        return None

    def _asked(self, step: Step, now: float) -> object:
        charged = [(self.limits[at], (step.keys[at],)) for at in sorted(step.which)]
        asked = [spec for spec, _ in charged], [key for _, key in charged]
        outcome = self.table.charge(*asked, now)
        self.last = asked if outcome.refused is None else self.last
        if outcome.lease is not None:
            self.leases.append(outcome.lease)
        return said(outcome)


@given(limits=specs(), steps=STEPS)
def test_both_tables_say_the_same(limits: list[LimitSpec], steps: list[Step]) -> None:
    made = SharedTable.create(workers=1, cells=16)
    shared = SharedTable.attach(made.fd, 0)
    own, together = Played(LimitTable(limits), limits), Played(shared.limits("egress", limits), limits)

    now = float(EPOCH)
    for step in steps:
        now += step.pause / 64
        assert own.play(step, now) == together.play(step, now)
    shared.memory.close()
    made.close()
