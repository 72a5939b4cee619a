"""What it costs to ask a log of a million records: counting, figures, the newest records, and a table of it.

    python tests/bench/bench_audit_reading.py [--records N] [--rounds N] [--json] [--check]

The log is made of decisions and ends as the gateway writes them, one decision in seven a denial, over hosts of which
few are asked for often, in segments as they are rotated. It is in the page cache. The table shows medians; `--check`
exits with 1 if the bounds are broken that are promised of a million records. They are on CPU time, which other work on
the machine hardly changes.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import sys
import tempfile
from pathlib import Path
from time import perf_counter, process_time
from typing import TYPE_CHECKING, Any

from gateway.audit.reading import duck
from gateway.audit.reading.counting import top
from gateway.audit.reading.figures import figures
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.scanning import Scan
from gateway.audit.records.ids import IdSource
from gateway.audit.records.times import timestamp
from gateway.audit.writing.compression import compress
from gateway.audit.writing.encoding import body
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Callable

BEGAN = 1795428000.0
SEGMENT = 256 * 1024 * 1024
BOUNDS = {"top blocked": 3.0, "top blocked, from Parquet": 1.0}
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
        "top blocked": lambda: top(Scan(folder, DENY), "host", 20),
        "top blocked, compressed": lambda: top(Scan(packed, DENY), "host", 20),
        "top blocked, the last tenth": lambda: top(Scan(folder, Filter(verdict="deny", since=late)), "host", 20),
        "top blocked, from Parquet": lambda: duck.top(table, DENY, "host", 20),
        "top all, by client": lambda: top(Scan(folder, Filter()), "client", 20),
        "grep of one host": lambda: sum(1 for _ in matching(Scan(folder, Filter(host="host-7.example")))),
        "the 20 newest denials": lambda: newest(folder, DENY, 20),
        "stats": lambda: figures(Scan(folder, Filter()), Filter(), "day").events,
    }


def measured(asked: dict[str, Callable[[], object]], rounds: int) -> dict[str, dict[str, float]]:
    """Medians of the seconds and CPU seconds of each question, asked in turns."""
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in asked}
    for _ in range(rounds):
        for name, question in asked.items():
            gc.collect()
            began, used = perf_counter(), process_time()
            question()
            times[name].append((perf_counter() - began, process_time() - used))
    return {
        name: {
            "seconds": statistics.median(wall for wall, _ in each),
            "cpu_seconds": statistics.median(cpu for _, cpu in each),
        }
        for name, each in times.items()
    }


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
        began, used = perf_counter(), process_time()
        duck.write_parquet((record for _, record in matching(Scan(folder, Filter()))), table)
        made = {"seconds": perf_counter() - began, "cpu_seconds": process_time() - used}
        assert top(Scan(folder, DENY), "host", 20) == duck.top(table, DENY, "host", 20)
        return {**measured(questions(folder, packed, table, count), rounds), "export as Parquet": made}


def table(count: int, found: dict[str, dict[str, float]]) -> str:
    """The rows for a document."""
    rows = [f"| {name} | {row['seconds']:.2f} | {row['cpu_seconds']:.2f} |" for name, row in found.items()]
    return "\n".join([f"| {count:,} records | seconds | CPU seconds |", "|---|---|---|", *rows])


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
