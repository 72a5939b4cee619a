"""What it costs to charge a request to a limit: in this process, with other workers, with other gateways.

Run it with `python -m tests.bench.bench_limits`. Medians of several rounds, in microseconds: of processor time for what
this process does, and of time that passes where it waits for a store. All are measured in one run, round by round. The
store is a redis-server on loopback of the same machine.
"""

from __future__ import annotations

import asyncio
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Final

from gateway.limits.cluster.connecting import StoreAddress, connect
from gateway.limits.cluster.rules import StoreRules, prefix_of
from gateway.limits.cluster.store import Store
from gateway.limits.shared import SharedTable
from gateway.policy.addresses import Address
from gateway.policy.limits import LimitSpec, LimitTable, Rate
from tests.stores import store_server

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from gateway.limits.cluster.store import StoreLedger
    from gateway.policy.limits import Key, Limits

ROUNDS: Final = 9
MICROSECONDS: Final = 1e6
RATE: Final = LimitSpec(id="rate", key=("client.ip",), rate=Rate.of("900000000/s", 1_000_000))
RUNNING: Final = LimitSpec(id="running", key=("client.ip",), concurrent=1_000)
NOW: Final = 1_795_428_000.0
CLIENTS: Final[tuple[Key, ...]] = tuple((Address.parse(f"10.0.{at // 250}.{at % 250}"),) for at in range(1_000))


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: who counts, what, and microseconds for a request."""

    who: str
    what: str
    microseconds: float


def _charges(table: Limits, specs: Sequence[LimitSpec], repeats: int) -> Callable[[], float]:
    def run() -> float:
        started = process_time()
        for at in range(repeats):
            outcome = table.charge(specs, [CLIENTS[at % len(CLIENTS)]] * len(specs), NOW + at * 1e-6)
            if outcome.lease is not None:
                outcome.lease.release()
        return process_time() - started

    return run


def measure(repeats: int, rounds: int = ROUNDS) -> list[Measured]:
    """What every way costs for a rate alone, and for a rate with a place that is given back."""
    made = SharedTable.create(workers=4)
    shared = SharedTable.attach(made.fd, 0)
    whats = {"a rate": [RATE], "a rate and a place": [RATE, RUNNING]}
    runs = [
        (who, what, _charges(table, specs, repeats))
        for who, table in (
            ("this process", LimitTable([RATE, RUNNING])),
            ("workers, in shared memory", shared.limits("shop", [RATE, RUNNING])),
        )
        for what, specs in whats.items()
    ]
    spent = [[run() for _, _, run in runs] for _ in range(rounds)]
    shared.memory.close()
    made.close()
    return [
        Measured(who, what, median(each[at] for each in spent) / repeats * MICROSECONDS)
        for at, (who, what, _) in enumerate(runs)
    ]


def measure_store(repeats: int, rounds: int = ROUNDS) -> list[Measured]:
    """What a store costs: until it has answered one request, and for each of many at a time."""
    with tempfile.TemporaryDirectory() as folder, store_server(Path(folder)) as server:
        return asyncio.run(_measure_store(server.url, repeats, rounds))


async def _measure_store(url: str, repeats: int, rounds: int) -> list[Measured]:
    address = StoreAddress.parse(url)
    rules = StoreRules(name=url, patience=5.0, on_failure="closed", prefix=prefix_of("bench"), secret=b"s" * 32)
    store = Store(connect(address, None, None, 5.0), rules, lambda *_: None)
    await store.open()
    ledger, alone, together, work = store.ledger("shop"), [], [], []
    for _ in range(rounds):
        started = perf_counter()
        for at in range(repeats):
            await _ask(ledger, at)
        alone.append(perf_counter() - started)
        started, worked = perf_counter(), process_time()
        await asyncio.gather(*(_ask(ledger, at) for at in range(repeats)))
        together.append(perf_counter() - started)
        work.append(process_time() - worked)
    await store.close()
    lines = {"a rate, until it has answered": alone, "a rate, many at a time": together, "of which is ours": work}
    return [
        Measured("gateways, in a store", what, median(spent) / repeats * MICROSECONDS) for what, spent in lines.items()
    ]


async def _ask(ledger: StoreLedger, at: int) -> None:
    await ledger.charge([(RATE, CLIENTS[at % len(CLIENTS)])], [])


def table(measured: Sequence[Measured]) -> str:
    """The lines as Markdown."""
    head = "| counted by | what | us a request |\n|---|---|---|\n"
    return head + "".join(f"| {each.who} | {each.what} | {each.microseconds:.1f} |\n" for each in measured)


if __name__ == "__main__":
    sys.stdout.write(table([*measure(20_000), *measure_store(1_000)]))
