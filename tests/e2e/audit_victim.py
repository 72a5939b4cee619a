"""Lives that write records under `sync` until they are killed: `python -m tests.e2e.audit_victim`.

For every line on standard input, `FOLDER SECONDS`, a process is forked that writes into the log there, and killed so
long after its log was open; a line on standard output says how many records it was told are safe, and the greatest of
their numbers.
"""

from __future__ import annotations

import asyncio
import os
import select
import signal
import struct
import sys
import time
from pathlib import Path
from typing import Final

from gateway.audit.writing.writer import AuditWriter, WriterOptions

_NUMBER: Final = struct.Struct(">Q")


async def live(folder: Path, told: int) -> None:
    """Eight at once, as requests would be, with segments so small that they rotate and are compressed all the time."""
    log = AuditWriter(folder, WriterOptions(durability="sync", segment_size=8 * 1024, reserve=0))
    log.start()
    os.write(told, _NUMBER.pack(0))

    async def client(number: int) -> None:
        for each in range(1_000_000):
            pad = "x" * (each % 90)
            seq = await log.record({"time": "", "event": "note", "client": number, "each": each, "pad": pad})
            os.write(told, _NUMBER.pack(seq))

    await asyncio.gather(*map(client, range(8)))


def killed(folder: Path, seconds: float) -> list[int]:
    """One life; what it was told is safe."""
    hear, told = os.pipe()
    life = os.fork()
    if life == 0:
        asyncio.run(live(folder, told))
    os.close(told)
    said = os.read(hear, _NUMBER.size)
    end = time.monotonic() + seconds
    while (left := end - time.monotonic()) > 0:
        if select.select([hear], [], [], left)[0]:
            said += os.read(hear, 65_536)
    os.kill(life, signal.SIGKILL)
    os.waitpid(life, 0)
    while data := os.read(hear, 65_536):
        said += data
    os.close(hear)
    return [number for (number,) in _NUMBER.iter_unpack(said) if number]


def main() -> None:
    """Do what is asked until there is nothing more."""
    for line in sys.stdin:
        folder, seconds = line.split()
        safe = killed(Path(folder), float(seconds))
        print(len(safe), max(safe, default=0), flush=True)  # noqa: T201 - the parent reads it


if __name__ == "__main__":
    main()
