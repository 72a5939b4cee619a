"""How all tests run: property tests quick or thorough, as HYPOTHESIS_PROFILE says; in which order; with what kept.

Hundreds of processes are started, and every one of them would compile a thousand modules where the environment forbids
to write bytecode. So it is kept for this run and the next ones. And what takes longest is begun first, so that at the
end of a run with several workers none of them is still busy for long.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    import pytest

HERE: Final = Path(__file__).resolve().parent
BYTECODE: Final = str(HERE.parent / ".pytest_cache" / "bytecode")
ROOMS: Final = ("e2e", "deploy", "conformance", "property", "house", "adapters", "unit", "bench")
QUIET = (HealthCheck.too_slow, HealthCheck.data_too_large)

os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
os.environ["PYTHONPYCACHEPREFIX"] = sys.pycache_prefix = BYTECODE
sys.dont_write_bytecode = False

settings.register_profile("fast", max_examples=60, deadline=None, suppress_health_check=QUIET)
settings.register_profile("thorough", max_examples=2000, deadline=None, suppress_health_check=QUIET, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fast"))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put rooms whose files take long before those whose files are short."""
    items.sort(key=lambda item: ROOMS.index(item.path.relative_to(HERE).parts[0]))
