"""What the audit log costs: records per second of the writer alone, and requests per second with it and without it.

    python -m tests.bench.bench_audit [--records N] [--rounds N] [--seconds N] [--json] [--check]

The writer gets decision records as dictionaries, as the gateway makes them, from one thread, under `batched`; time runs
until the last one is on the disk. Then the reverse gateway is loaded in turns as it is (`batched`, the default) and
without any log: there no record is even made, so the difference is all that recording costs. Two processes of the very
same program were seen to differ by up to a tenth for as long as they ran, so every round has new ones of both.
`--check` exits with 1 if the writer takes fewer than 100,000 records a second, or recording costs more than 8 % of a
request's processor time.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from contextlib import ExitStack, suppress
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from tests.bench.bench_reverse import bench_policy
from tests.bench.load import aside_seconds, missing, origin, serving
from tests.bench.subjects import HEADING, Measured, Subject, in_turns, lines, see_the_logs
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.audit.records.record import Record

RECORDS: Final = 100_000
"""How many records a second the writer alone has to take."""

SHARE: Final = 0.08
"""The most that recording may cost of the processor time of a request."""

RECORD: Final[Record] = {
    "time": "2026-11-23T10:00:00.000000Z",
    "event": "decision",
    "id": "01KC3V6Q2M8Z9T4W7R5X1N0B6E",
    "listener": "api",
    "mode": "reverse",
    "engine": "mitmproxy",
    "client": {"ip": "127.0.0.1", "port": 51234, "user": None, "groups": []},
    "request": {
        "method": "GET",
        "scheme": "http",
        "host": "api.example",
        "port": 80,
        "path": "/items/17",
        "query": {"page": "3"},
        "protocol": "HTTP/1.1",
        "size": 0,
    },
    "tls": None,
    "destination": {"ip": "127.0.0.1", "answers": ["127.0.0.1"], "parent": None, "original": None},
    "decision": {
        "verdict": "allow",
        "reason": "rule-allow",
        "rule": "read-items",
        "place": "api.yaml:14",
        "matched": ["read-items"],
        "waived": [],
        "shadow": [],
        "unknown": [],
        "status": None,
        "detail": None,
    },
    "list": None,
    "limits": [{"id": "per-client", "quota": 1200, "window": 60.0, "remaining": 199, "reset": 0.05}],
    "policy": {"name": "api", "digest": "sha256:9f2c41aa"},
    "masked": [],
}


def writer_alone(records: int) -> tuple[float, float]:
    """Records per second, and microseconds of processor time of one; no record is left out."""
    with tempfile.TemporaryDirectory() as name:
        writer = AuditWriter(Path(name), WriterOptions(compress=False))
        writer.start()
        began, spent, left = time.perf_counter(), time.process_time(), records
        while left:
            with suppress(AuditUnavailable):
                while left:
                    writer.append(RECORD)
                    left -= 1
            if left:  # the queue is full: as a gateway, which refuses then, wait for the disk
                time.sleep(0.002)
        writer.close()
        return records / (time.perf_counter() - began), (time.process_time() - spent) / records * 1e6


def compare(rounds: int, seconds: int) -> tuple[dict[str, Measured], dict[str, float]]:
    """Load the gateway with its log and without it, in turns; the second is `aside_seconds` a request, in us.

    Both are the medians of rounds, each with processes of its own.
    """
    done = [_one_round(seconds, turned=bool(number % 2)) for number in range(rounds)]
    names = ("batched", "unrecorded")
    return (
        {name: medians([each[name] for each, _ in done]) for name in names},
        {name: median(aside[name] for _, aside in done) for name in names},
    )


def _one_round(seconds: int, *, turned: bool) -> tuple[dict[str, Measured], dict[str, float]]:
    """`turned`: the one without a log comes first."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        behind = running.enter_context(origin(folder / "origin"))
        unrecorded = [sys.executable, "-m", "tests.bench.unrecorded"]
        subjects = {
            "batched": _gateway([COMMAND], folder, "batched", behind, running),
            "unrecorded": _gateway(unrecorded, folder, "unrecorded", behind, running),
        }
        done = in_turns(dict(reversed(subjects.items())) if turned else subjects, 1, seconds)
        aside = {
            name: aside_seconds(each.pid) / done.answers[name] * 1e6 for name, each in subjects.items() if each.pid
        }
        running.close()
        see_the_logs({"batched": subjects["batched"]}, done.answers)
        return done.medians, aside


def medians(rounds: Sequence[Measured]) -> Measured:
    """What all rounds together say."""
    return Measured(
        rate=median(each.rate for each in rounds),
        p50_ms=median(each.p50_ms for each in rounds),
        p99_ms=median(each.p99_ms for each in rounds),
        cpu_us=median(each.cpu_us or 0.0 for each in rounds),
        resident_mb=median(each.resident_mb or 0.0 for each in rounds),
    )


def _gateway(program: list[str], folder: Path, name: str, behind: int, running: ExitStack) -> Subject:
    port, own = free_port(), folder / name
    own.mkdir()
    command = [*program, "reverse", f"http://127.0.0.1:{behind}", "--listen", f"127.0.0.1:{port}"]
    command += ["--policy", str(bench_policy(own)), "--state", str(own / "state")]
    return Subject(port, running.enter_context(serving(command, port)), own / "state" / "audit")


def cost(result: Mapping[str, Measured]) -> float:
    """Which share of the processor time of a request recording is."""
    recorded, unrecorded = result["batched"].cpu_us or 0.0, result["unrecorded"].cpu_us or 0.0
    return round((recorded - unrecorded) / recorded, 4)


def table(alone: tuple[float, float], result: Mapping[str, Measured], aside: Mapping[str, float]) -> str:
    """The result in Markdown."""
    rate, cpu = alone
    slower = 1.0 - result["batched"].rate / result["unrecorded"].rate
    said = [
        f"the writer alone: {rate:,.0f} records/s, {cpu:.1f} us of CPU a record",
        f"recording: {100 * cost(result):.1f} % of CPU, {100 * slower:.1f} % fewer requests/s",
        f"of it in threads of its own: {aside['batched'] - aside['unrecorded']:.0f} us of CPU a request",
    ]
    return "\n".join([HEADING, *lines(result), "", *said])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=500_000)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing():
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    alone, (result, aside) = writer_alone(asked.records), compare(asked.rounds, asked.seconds)
    text = {"records": alone[0], "cpu_us": alone[1], "cost": cost(result), "aside_us": aside["batched"]}
    measured = {name: asdict(each) for name, each in result.items()}
    sys.stdout.write((json.dumps({**text, **measured}) if asked.json else table(alone, result, aside)) + "\n")
    broken = [
        *([f"{alone[0]:,.0f} records/s, {RECORDS:,} are promised"] if alone[0] < RECORDS else []),
        *([f"recording costs {cost(result):.1%}, {SHARE:.0%} is promised"] if cost(result) > SHARE else []),
    ]
    sys.stderr.write("".join(f"{each}\n" for each in broken if asked.check))
    return 1 if asked.check and broken else 0


if __name__ == "__main__":
    raise SystemExit(main())
