"""Changes a folder of authorities, and is killed before the n-th time that a file below it is touched.

`python killed.py N FOLDER STEP`. What came before the kill is on the disk, what was to come is not.
"""

from __future__ import annotations

import datetime as dt
import os
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.authority import rotating
from gateway.authority.keeping import load_or_make
from gateway.authority.making import make

if TYPE_CHECKING:
    from collections.abc import Callable

NOW: Final = dt.datetime.now(dt.UTC)
COMING: Final = make(NOW)
STEPS: Final[dict[str, Callable[[Path], object]]] = {
    "start": load_or_make,
    "rotate": lambda folder: rotating.rotate(folder, NOW),
    "activate": lambda folder: rotating.activate(folder, NOW),
    "go_back": lambda folder: rotating.go_back(folder, NOW),
    "retire": lambda folder: rotating.retire(folder, NOW),
    "install": lambda folder: rotating.install(folder, COMING, NOW, as_next=False),
}
TOUCHING: Final = {"open", "os.mkdir", "os.rename", "os.remove", "os.chmod"}


def main(most: int, folder: Path, step: str) -> None:
    """Do one step, or as much of it as there is time for."""
    left = most

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in TOUCHING and str(arguments[0]).startswith(str(folder)):
            left -= 1
            if left < 0:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)
    STEPS[step](folder)


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), sys.argv[3])
