"""What it costs to ask a log of a million records: counting, figures, the newest records, a table of it, its proof.

    python tests/bench/bench_audit_reading.py [--records N] [--rounds N] [--json] [--check]

The log is made of decisions and ends as the gateway writes them, one decision in seven a denial, over hosts of which
few are asked for often, in segments as they are rotated. It is in the page cache. The table shows medians, and how
long each row took in comparison with the first one, asked in the same rounds; `--check` exits with 1 if the bounds are
broken that are promised of a million records. They are on CPU time (of all processes that took part), which other work
on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, time
from typing import TYPE_CHECKING, Any

from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.proof.verifying import verify
from gateway.audit.reading import duck
from gateway.audit.reading.counting import tally, top
from gateway.audit.reading.figures import figures
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.scanning import Scan
from gateway.audit.records.ids import IdSource
from gateway.audit.records.times import timestamp
from gateway.audit.writing.compression import compress
from gateway.audit.writing.encoding import body
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN = 1795428000.0
SEGMENT = 256 * 1024 * 1024
BOUNDS = {"top blocked": 3.0, "top blocked, from Parquet": 1.0, "verify": 20.0}
"""Seconds that are promised of a million records."""
DENY = Filter(verdict="deny")


def write_log(folder: Path, count: int) -> None:
    """Made-up records: a decision and its end, over and over, ten exchanges a second."""
    chance = random.Random(count)
    clock = [BEGAN]
    ids = IdSource(lambda: clock[0], chance.randbytes)
    file, size = (folder / f"{ids.next()}.jsonl").open("wb"), 0
    for number in range(1, count + 1, 2):
        clock[0] += 0.1
        lines = b"".join(
            b'{"v":1,"seq":%d,' % seq + body(record) + b"\n"
            for seq, record in enumerate(exchange(chance, clock[0], ids.next()), number)
        )
        file.write(lines)
        size += len(lines)
        if size > SEGMENT:
            file.close()
            file, size = (folder / f"{ids.next()}.jsonl").open("wb"), 0
    file.close()


def exchange(chance: random.Random, now: float, identifier: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """The two records of one exchange."""
    base = SAMPLES["denied" if chance.random() < 1 / 7 else "allowed"]
    host = f"host-{int(chance.paretovariate(0.7)) % 20_000}.example"
    decided = base | {
        "time": timestamp(now),
        "id": identifier,
        "client": base["client"] | {"ip": f"10.1.{chance.randrange(16)}.{chance.randrange(256)}"},
        "request": base["request"] | {"host": host, "path": f"/pages/{chance.randrange(1000)}"},
    }
    seconds = round(chance.lognormvariate(-3, 1), 6)
    return decided, SAMPLES["end"] | {"time": timestamp(now + seconds), "id": identifier, "seconds": seconds}


def questions(folder: Path, packed: Path, table: Path, count: int) -> dict[str, Callable[[], object]]:
    """What is asked, by the name of its row."""
    late = timestamp(BEGAN + count / 20 - count / 200)
    return {
        "top blocked, one process": lambda: tally(Scan(folder, DENY), "host"),
        "top blocked": lambda: top(Scan(folder, DENY), "host", 20),
        "top blocked, compressed": lambda: top(Scan(packed, DENY), "host", 20),
        "top blocked, the last tenth": lambda: top(Scan(folder, Filter(verdict="deny", since=late)), "host", 20),
        "top blocked, from Parquet": lambda: duck.top(table, DENY, "host", 20),
        "top all, by client": lambda: top(Scan(folder, Filter()), "client", 20),
        "grep of one host": lambda: sum(1 for _ in matching(Scan(folder, Filter(host="host-7.example")))),
        "the 20 newest denials": lambda: newest(folder, DENY, 20),
        "stats": lambda: figures(Scan(folder, Filter()), Filter(), "day").events,
        "verify": lambda: verified(folder, count),
    }


def measured(asked: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of the seconds and CPU seconds of each question, asked in turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, question in asked.items():
            gc.collect()
            times[name].append(timed(question))
    return {
        name: {
            "seconds": statistics.median(wall for wall, _ in each),
            "cpu_seconds": statistics.median(cpu for _, cpu in each),
        }
        for name, each in times.items()
    }


def timed(work: Callable[[], object]) -> tuple[float, float]:
    """Seconds, and those of the processor, here and in the processes that were started for it."""
    began, used = perf_counter(), sum(os.times()[:4])
    work()
    return perf_counter() - began, sum(os.times()[:4]) - used


def prove(folder: Path) -> None:
    """Put a log into a tree and sign it, as a gateway does at its first start with proofs."""
    writer = AuditWriter(folder, WriterOptions(compress=False), clock=time, witness=Notary(NotaryOptions(), clock=time))
    writer.start()
    writer.close()


def verified(folder: Path, count: int) -> None:
    """Check the log, which has to be sound."""
    report = verify(folder)
    assert report.undecided is None
    assert not report.findings
    assert report.records >= count


def run(count: int, rounds: int) -> dict[str, dict[str, float]]:
    """Make a log, its compressed copy and its table, and ask."""
    with tempfile.TemporaryDirectory() as place:
        folder, packed, table = Path(place, "plain"), Path(place, "packed"), Path(place, "all.parquet")
        folder.mkdir()
        packed.mkdir()
        write_log(folder, count)
        for path in sorted(folder.iterdir()):
            copy = packed / path.name
            copy.hardlink_to(path)
            compress(copy, lambda: True)
        made = timed(lambda: duck.write_parquet((record for _, record in matching(Scan(folder, Filter()))), table))
        assert top(Scan(folder, DENY), "host", 20) == duck.top(table, DENY, "host", 20)
        proved = timed(lambda: prove(folder))
        once = {"export as Parquet": made, "prove what was not": proved}
        return measured(questions(folder, packed, table, count), rounds) | {
            name: {"seconds": wall, "cpu_seconds": cpu} for name, (wall, cpu) in once.items()
        }


def table(count: int, found: dict[str, dict[str, float]]) -> str:
    """The rows for a document."""
    first = next(iter(found.values()))["seconds"]
    rows = [
        f"| {name} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} | {row['seconds'] / first:.2f} |"
        for name, row in found.items()
    ]
    return "\n".join([f"| {count:,} records | seconds | CPU seconds | ratio |", "|---|---|---|---|", *rows])


def main() -> int:
    """Measure, print, and say whether the bounds hold."""
    options = argparse.ArgumentParser(description="what it costs to read the audit log")
    options.add_argument("--records", type=int, default=1_000_000)
    options.add_argument("--rounds", type=int, default=3)
    options.add_argument("--json", action="store_true")
    options.add_argument("--check", action="store_true")
    arguments = options.parse_args()
    found = run(arguments.records, arguments.rounds)
    sys.stdout.write((json.dumps(found) if arguments.json else table(arguments.records, found)) + "\n")
    broken = [name for name, bound in BOUNDS.items() if found[name]["cpu_seconds"] > bound]
    if arguments.check and broken:
        sys.stderr.write(f"more than promised: {', '.join(broken)}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
