from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.conformance.faults import CRASHES, FAULTS, OUTCOMES, PAGE, page

if TYPE_CHECKING:
    from gateway.audit.writing.backlog import OnFailure
    from tests.conformance.faults import Fault

ROOT: Final = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _with_namespaces() -> None:
    tried = subprocess.run(["unshare", "-rm", "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        pytest.skip(f"this machine gives nobody a namespace of mounts: {tried.stderr.strip()}")


def met(kind: str, mode: str, folder: Path) -> dict[str, Any]:
    """What came of a fault."""
    folder.mkdir(exist_ok=True)
    command = ["unshare", "-rm", sys.executable, "-m", "tests.conformance.faulty", kind, mode, str(folder)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=60)
    result: dict[str, Any] = json.loads(run.stdout)
    return result


@pytest.mark.parametrize("mode", OUTCOMES)
@pytest.mark.parametrize("fault", FAULTS, ids=lambda fault: fault.name)
def test_a_fault_is_survived_and_told(fault: Fault, mode: OnFailure, tmp_path: Path) -> None:
    allow, deny = OUTCOMES[mode]

    assert met(fault.name, mode, tmp_path) == {
        "allow": allow,
        "deny": deny,
        "missing": 0,
        "gap": [fault.gap],
        "refused": [allow, deny].count("refused"),
        "unrecorded": [allow, deny].count("unrecorded"),
        "stopped": True,
    }


def test_on_a_disk_that_stays_full_the_last_records_are_written(tmp_path: Path) -> None:
    result = met("full-to-the-end", "closed", tmp_path)

    assert (result["allow"], result["deny"]) == ("refused", "refused")
    assert (result["missing"], result["gap"], result["stopped"]) == (0, ["write-failed"], True)


def test_a_directory_that_may_only_be_read_is_a_clear_error_at_start(tmp_path: Path) -> None:
    assert "read-only file system" in met("read-only", "open", tmp_path)["said"]


def test_the_page_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == page(), "run `python -m tests.conformance.faults`"


def test_what_the_page_names_is_there() -> None:
    assert [each.test for each in CRASHES if not (ROOT / each.test).is_file()] == []
