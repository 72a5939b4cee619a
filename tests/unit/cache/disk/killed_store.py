"""Keeps, replaces and drops answers on disk, and is killed before the n-th time that a file of theirs is touched.

`python killed_store.py N FOLDER`. What came before the kill is on the disk, what was to come is not.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Final

from gateway.cache.disk.store import DiskStore
from gateway.cache.store import Kept
from tests.unit.cache.exchanges import asked, cached

TOUCHING: Final = {"open", "os.mkdir", "os.rename", "os.remove", "os.scandir"}
OLD: Final = b"old" * 200_000
NEW: Final = b"new" * 200_000


def main(most: int, folder: Path) -> None:
    """Do all of it, or as much as there is time for."""
    left = most

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in TOUCHING and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    asyncio.run(steps(folder))


async def steps(folder: Path) -> None:
    """Two answers come, one changes, one is outdated; what an answer said that was outdated is not said any more."""
    store = DiskStore(folder, 10_000_000, 1_000_000, 100, print)
    store.open()
    for target in ("/changes", "/goes", "/stays"):
        store.keep(asked(target=target), Kept(cached("max-age=60"), OLD))
    await store.settled()
    store.keep(asked(target="/changes"), Kept(cached("max-age=60"), NEW))
    store.forget(asked(target="/goes").key)
    sys.stdout.write("outdated\n")
    sys.stdout.flush()
    await store.settled()
    store.close()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]))
