"""A worker of its own process, for tests: charges a shared table as fast as it can, and says what it was admitted.

Run as `python -m tests.unit.limits.hammering FD WORKER WHAT TIMES`; `TIMES` 0 means until it is killed.
"""

from __future__ import annotations

import sys
from itertools import count

from gateway.limits.shared import SharedTable
from gateway.policy.limits import LimitSpec, Rate

LISTENER = "shop"
RATE = LimitSpec(id="rate", key=("client.ip",), rate=Rate.of("500/h", 500))
WIDE = LimitSpec(id="wide", key=("client.ip",), rate=Rate.of("1000000/s", 1))
RUNNING = LimitSpec(id="running", key=("client.ip",), concurrent=7)
ROOMY = LimitSpec(id="roomy", key=("client.ip",), concurrent=1_000_000)
CLIENT = ("10.0.0.1",)
NOW = 1000.0


def rate(table: SharedTable, times: int) -> int:
    limits = table.limits(LISTENER, [RATE])
    return sum(limits.charge([RATE], [CLIENT], NOW).refused is None for _ in range(times))


def running(table: SharedTable, times: int) -> int:
    """Take and give back; how often more seemed to run than may."""
    limits, over = table.limits(LISTENER, [RUNNING]), 0
    for _ in range(times):
        outcome = limits.charge([RUNNING], [CLIENT], NOW)
        if outcome.lease is not None:
            over += outcome.states[0].remaining < 0
            outcome.lease.release()
    return over


def churn(table: SharedTable, _times: int) -> int:
    """Insert, forget, take, give back: everything that changes the table, until somebody ends it."""
    specs = [WIDE, RATE, RUNNING, ROOMY]
    limits = table.limits(LISTENER, specs)
    sys.stdout.write("at work\n")
    sys.stdout.flush()
    for at in count():
        client = (f"10.0.{at % 7}.{at % 97}",)
        outcome = limits.charge(specs, [client, (*client, at % 1000), client, client], NOW + at / 1000)
        if outcome.lease is not None and at % 3:
            outcome.lease.release()
    return 0


def hold(table: SharedTable, times: int) -> int:
    """Take so many places, say how many there were, and keep them."""
    limits = table.limits(LISTENER, [RUNNING])
    held = [limits.charge([RUNNING], [CLIENT], NOW).lease for _ in range(times)]
    sys.stdout.write(f"{sum(lease is not None for lease in held)}\n")
    sys.stdout.flush()
    sys.stdin.read()
    return 0


WORK = {"rate": rate, "running": running, "churn": churn, "hold": hold}

if __name__ == "__main__":
    attached = SharedTable.attach(int(sys.argv[1]), int(sys.argv[2]))
    sys.stdout.write(f"{WORK[sys.argv[3]](attached, int(sys.argv[4]))}\n")
