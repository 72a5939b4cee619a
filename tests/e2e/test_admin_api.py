"""The admin API is what it says of itself: asked everything that its description allows, and more, by schemathesis."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.e2e.looked_after import looked_after

pytestmark = pytest.mark.e2e

SECONDS: Final = "12"
LEFT_OUT: Final = ("/api/v1/drain", "/api/v1/decisions/stream", "/api/v1/session", "/metrics")
"""It ends the gateway, it never ends, wrong tokens are counted, and another format is told."""
CHECKS_LEFT_OUT: Final = "positive_data_acceptance,unsupported_method,ignored_auth"
"""Names of hosts and rules have more to them than a schema says; methods and tokens have tests of their own."""


def test_it_answers_as_its_description_says_and_never_fails(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side:
        command = [str(Path(sys.executable).with_name("schemathesis")), "run", f"{side.url}/openapi.json"]
        command += ["--header", f"Authorization: Bearer {side.token}", "--max-time", SECONDS]
        command += ["--checks", "all", "--exclude-checks", CHECKS_LEFT_OUT, "--phases", "examples,coverage,fuzzing"]
        command += [word for path in LEFT_OUT for word in ("--exclude-path", path)]
        told = subprocess.run(command, check=False, capture_output=True, text=True, timeout=100, cwd=tmp_path)

    assert told.returncode == 0, told.stdout[-6000:]
    assert "API Operations:" in told.stdout
