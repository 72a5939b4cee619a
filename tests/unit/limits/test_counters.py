from __future__ import annotations

from gateway.limits.counters import Counters, counters_of
from gateway.limits.shared import Shared, SharedTable
from gateway.policy.limits import LimitSpec, LimitTable, Rate

SPEC = LimitSpec(id="slow", key=(), rate=Rate.of("1/h", 1))


def test_a_gateway_alone_counts_by_itself() -> None:
    counters = counters_of("shop", None, None)

    assert counters == Counters()
    assert isinstance(counters.table([SPEC]), LimitTable)


def test_workers_count_in_the_memory_that_they_share_by_the_clock_of_the_machine() -> None:
    made = SharedTable.create(workers=1, cells=4)
    table = SharedTable.attach(made.fd, 0)
    counters = counters_of("shop", table, None)
    limits = counters.table([SPEC])
    refused = [limits.charge([SPEC], [()], now).refused for now in (0.0, 1e12)]

    assert isinstance(limits, Shared)
    assert (refused, counters.ledger) == ([None, "slow"], None)
    table.memory.close()
    made.close()
