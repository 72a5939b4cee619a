"""Processes that share a log: `python -m tests.e2e.audit_processes owner LOG SOCKET`, or `hand NAME SOCKET`.

An owner says `ready` and goes on until its standard input ends. A hand does what the lines on its standard input say,
and answers each with a line of JSON: `write N` records that it waits for; `flood` until one is refused, as soon as the
first is safe, after a line that says so; `trouble`: why nothing is accepted, or null.
"""

from __future__ import annotations

import json
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.owner import AuditOwner
from gateway.audit.writing.worker import WorkerLog
from gateway.audit.writing.writer import AuditWriter, WriterOptions

if TYPE_CHECKING:
    from concurrent.futures import Future

    from gateway.audit.records.record import Record

_AT_ONCE: Final = 20


def own(log: Path, path: Path) -> None:
    """Own a log until it is time to end."""
    writer = AuditWriter(log, WriterOptions(segment_size=64 * 1024, reserve=0))
    writer.start()
    owner = AuditOwner(writer, path)
    owner.start()
    _say("ready")
    sys.stdin.read()
    owner.close()
    writer.close()


class Hand:
    """Writes numbered records, and remembers which of them are safe."""

    def __init__(self, name: str, path: Path) -> None:
        self._name = name
        self._log = WorkerLog(path, WriterOptions(durability="sync", on_failure="closed", retry=(0.01, 0.05)))
        self._numbers = count()
        self._log.start()

    def obey(self, order: str) -> None:
        """Do what a line says."""
        what, _, many = order.partition(" ")
        match what:
            case "write":
                safe, why = self._settled([self._appended() for _ in range(int(many))])
                _say({"safe": safe, "why": why})
            case "flood":
                self._flood()
            case _:
                _say(self._log.trouble)

    def close(self) -> None:
        """Send what was accepted."""
        self._log.close()

    def _flood(self) -> None:
        safe: list[tuple[int, int]] = []
        while True:
            more, why = self._settled([self._appended() for _ in range(_AT_ONCE)])
            if not safe:
                _say("flooding")
            safe += more
            if why:
                _say({"safe": safe, "why": why})
                return

    def _appended(self) -> tuple[int, Future[int] | str]:
        number = next(self._numbers)
        record: Record = {
            "time": "2026-11-23T10:00:00.000000Z",
            "event": "note",
            "cause": f"{self._name} {number} {'x' * 200}",
        }
        try:
            return number, self._log.append_durable(record)
        except AuditUnavailable as error:
            return number, str(error)

    def _settled(self, sent: list[tuple[int, Future[int] | str]]) -> tuple[list[tuple[int, int]], list[str]]:
        """Which of them are safe, with their numbers in the log, and why others are not."""
        safe, why = list[tuple[int, int]](), list[str]()
        for number, done in sent:
            try:
                if isinstance(done, str):
                    why.append(done)
                else:
                    safe.append((number, done.result(60)))
            except AuditUnavailable as error:
                why.append(str(error))
        return safe, why


def _say(value: object) -> None:
    sys.stdout.write(f"{json.dumps(value)}\n")
    sys.stdout.flush()


def main() -> None:
    """Be what the arguments say."""
    role, first, path = sys.argv[1:]
    if role == "owner":
        own(Path(first), Path(path))
        return
    hand = Hand(first, Path(path))
    for line in sys.stdin:
        hand.obey(line.strip())
    hand.close()


if __name__ == "__main__":
    main()
