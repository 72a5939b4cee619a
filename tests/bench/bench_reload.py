"""What reloads cost those who are served meanwhile: many in a row, under clients that never pause.

Run it with `python -m tests.bench.bench_reload`; with `--write` the figures go into the page that shows them. A request
was failed if it was not answered 200 or its connection broke; it was decided by two policies if the marks that these
leave on it differ (`tests/e2e/reloads.py`). Waiting is in milliseconds of time that passed, with all three clients and
the origin on the same machine; the gateway's own time is of its processor.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from statistics import median, quantiles
from typing import TYPE_CHECKING, Final

from tests.bench.pages import put
from tests.e2e.reloads import Asker, laws, mixed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.e2e.reloads import Laws, Met

RELOADS: Final = 200
CLIENTS: Final = 3
EVERY: Final = 60.0 / RELOADS
"""Seconds from one reload to the next: two hundred in a minute."""
PAGE: Final = Path(__file__).parents[2] / "docs" / "how-to" / "change-the-policy-while-it-runs.md"
_TICKS: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Measured:
    """`seconds` is how long it took, `work` the processor's seconds of the gateway; `waits` of requests, in seconds."""

    reloads: int
    seconds: float
    work: float
    waits: Sequence[float]
    failed: int
    mixed: int
    under: int
    """How many were under way while a policy was replaced."""


def measure(reloads: int, seconds: float, clients: int = CLIENTS) -> Measured:
    """Serve for about so many seconds, and replace the policy so many times meanwhile."""
    with tempfile.TemporaryDirectory() as folder, laws(Path(folder)) as found:
        held = Asker("127.0.7.99")
        with found.asking(clients):
            began, worked = time.perf_counter(), _work(found)
            for number in range(1, reloads + 1):
                found.replace(number) if number % 20 else found.replace_under(number, held)
                time.sleep(max(0.0, began + seconds * number / reloads - time.perf_counter()))
            if not reloads:
                time.sleep(seconds)
            took, work = time.perf_counter() - began, _work(found) - worked
        everybody = [*found.askers, held]
        met: list[Met] = [each for one in everybody for each in one.met]
        failed = sum(each.status != 200 for each in met) + sum(len(each.failures) for each in everybody)
        return Measured(
            reloads=reloads,
            seconds=took,
            work=work,
            waits=[each.seconds for one in found.askers for each in one.met],
            failed=failed,
            mixed=len(mixed(found.proxy.records(), everybody)),
            under=sum(each.asked_under < each.in_force for each in met),
        )


def _work(found: Laws) -> float:
    stat = Path(f"/proc/{found.proxy.process.process.pid}/stat").read_text("ascii").rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / _TICKS


def table(measured: Sequence[Measured]) -> str:
    """The lines as Markdown."""
    head = (
        "| reloads | seconds | requests | failed | by two policies | under way meanwhile "
        "| median, ms | 99 of 100 within, ms | longest, ms | processor, s |\n|" + "---|" * 10 + "\n"
    )
    return head + "".join(map(_line, measured))


def _line(each: Measured) -> str:
    waits = [wait * 1000 for wait in each.waits] or [0.0]
    most = quantiles(waits, n=100)[-1] if len(waits) > 1 else waits[0]
    return (
        f"| {each.reloads} | {each.seconds:.0f} | {len(waits):,} | {each.failed} | {each.mixed} | {each.under} "
        f"| {median(waits):.1f} | {most:.1f} | {max(waits):.0f} | {each.work:.1f} |\n"
    )


def main(arguments: Sequence[str]) -> int:
    """Measure without reloads and with them; `--write` puts the figures into the page."""
    text = table([measure(0, RELOADS * EVERY), measure(RELOADS, RELOADS * EVERY)])
    if "--write" in arguments:
        put(PAGE, "figures of reloads", text)
    sys.stdout.write(text)
    return 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
