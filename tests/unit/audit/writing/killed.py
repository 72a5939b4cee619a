"""Compresses a segment, and is killed before the n-th time that a file of its folder is touched.

`python killed.py N FOLDER SEGMENT`. What came before the kill is done, what was to come is not.
"""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path
from typing import Final

sys.path.insert(0, str(Path(__file__).parents[4]))

from gateway.audit.writing.compression import compress

TOUCHING: Final = {"open", "os.rename", "os.remove", "os.truncate"}


def main(most: int, folder: Path, segment: str) -> None:
    """Do the work, or as much of it as there is time for."""
    left = most

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in TOUCHING and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    compress(folder / segment, lambda: True)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
