"""A process that writes into a log of which it is not the owner.

`python workers.py SOCKET NAME COUNT DURABILITY` appends so many records, and says on standard output, a line each,
which of them are safe: `NAME NUMBER SEQ`. With COUNT 0 it goes on until it is killed.
"""

from __future__ import annotations

import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING

sys.path.insert(0, str(Path(__file__).parents[4]))

from gateway.audit.writing.worker import WorkerLog
from gateway.audit.writing.writer import WriterOptions

if TYPE_CHECKING:
    from concurrent.futures import Future


def main(path: Path, name: str, most: int, durability: str) -> None:
    """Write, in batches as requests at once would."""
    log = WorkerLog(path, WriterOptions(durability="sync" if durability == "sync" else "batched"))
    log.start()
    for first in range(0, most, 50) if most else count(0, 50):
        numbers = range(first, first + 50)
        if durability == "sync":
            told(name, [(number, log.append_durable(record(name, number))) for number in numbers])
        else:
            for number in numbers:
                log.append(record(name, number))
    log.close()


def record(name: str, number: int) -> dict[str, object]:
    """What this worker writes."""
    return {"time": "", "event": "note", "cause": f"{name} {number}"}


def told(name: str, promised: list[tuple[int, Future[int]]]) -> None:
    """Say what is on the disk."""
    for number, done in promised:
        sys.stdout.write(f"{name} {number} {done.result(30)}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), sys.argv[4])
