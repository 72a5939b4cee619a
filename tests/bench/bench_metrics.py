"""What counting costs a request: one decision and one end.

Run it with `python -m tests.bench.bench_metrics`. The median of several rounds, in microseconds of processor time of a
decision and an end together; an empty loop of the same length is subtracted.
"""

from __future__ import annotations

import sys
from statistics import median
from time import process_time
from typing import Final

from gateway.metrics.counting import Counting
from gateway.policy.model import Decision, Reason, Verdict

ROUNDS: Final = 15
REPEATS: Final = 20_000
MICROSECONDS: Final = 1e6
ALLOWED: Final = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_RULE, rule="staff")


def count(counting: Counting, times: int) -> None:
    """What so many requests have counted."""
    for _ in range(times):
        counting.decided("egress", ALLOWED)
        counting.ended(("egress", "request", 200 // 100, "", ""), (0, 12), 0.0042, 0.0007)


def _nothing(times: int) -> None:
    for _ in range(times):
        pass


def measure(rounds: int = ROUNDS, repeats: int = REPEATS) -> float:
    """Microseconds per request."""
    found = []
    for _ in range(rounds):
        began = process_time()
        _nothing(repeats)
        between = process_time()
        count(Counting(), repeats)
        found.append(((process_time() - between) - (between - began)) / repeats * MICROSECONDS)
    return median(found)


if __name__ == "__main__":
    sys.stdout.write(f"counting a request: {measure():.2f} us\n")
