"""The machine that figures come from: they say little without it."""

from __future__ import annotations

import os
import platform
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from tests.bench.matrix.subjects import Subject

_MODEL: Final = re.compile(r"^model name\s*:\s*(.+)$", re.MULTILINE)
_TOTAL: Final = re.compile(r"^MemTotal:\s+([0-9]+) kB", re.MULTILINE)


def facts(subjects: Iterable[Subject]) -> dict[str, object]:
    """What is known of this machine at this moment, and the releases of whoever is loaded."""
    model = _MODEL.search(Path("/proc/cpuinfo").read_text(encoding="utf-8"))
    total = _TOTAL.search(Path("/proc/meminfo").read_text(encoding="ascii"))
    return {
        "day": datetime.now(UTC).date().isoformat(),
        "cpu": model[1] if model else platform.machine(),
        "cores": os.cpu_count(),
        "memory_gb": round(int(total[1]) * 1024 / 1e9, 1) if total else None,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "releases": {each.name: each.release() for each in subjects if each.missing() is None},
    }
