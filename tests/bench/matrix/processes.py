"""What a server costs the machine, its children included: nginx, Squid and proxy.py have some.

Source: proc_pid_stat(5), proc_pid_smaps_rollup(5).
"""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path
from typing import Final

from tests.bench.load import resident_mb

_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")
_PSS: Final = re.compile(r"^Pss:\s+([0-9]+) kB", re.MULTILINE)


def family(pid: int) -> list[int]:
    """A process and all that descend from it."""
    parents = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdecimal():
            with suppress(OSError):
                parents[int(entry.name)] = int(_fields(int(entry.name))[1])
    found = [pid]
    for each in found:
        found.extend(child for child, parent in parents.items() if parent == each)
    return found


def spent(pid: int) -> float:
    """Processor seconds of a family, of its members that have ended and were waited for, too."""
    ticks = 0
    for each in family(pid):
        with suppress(OSError):
            ticks += sum(map(int, _fields(each)[11:15]))
    return ticks * _TICK


def occupied_mb(pid: int) -> float:
    """Megabytes that a family occupies: a page that several share is counted in parts (PSS)."""
    return sum(_occupied(each) for each in family(pid))


def _occupied(pid: int) -> float:
    with suppress(OSError):
        if found := _PSS.search(Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii")):
            return int(found[1]) * 1024 / 1e6
    with suppress(OSError):
        return resident_mb(pid)  # who runs as somebody else does not show more
    return 0.0


def _fields(pid: int) -> list[str]:
    """Those behind the name of the program: the state is the first."""
    return Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
