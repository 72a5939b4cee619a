from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.sources import ROOT

ENGINES = {"mitmproxy", "fastapi", "uvicorn", "starlette", "pydantic", "addons"}
HEAVY = ENGINES | {"asyncio", "cryptography", "ssl", "socket", "maxminddb", "flask", "tornado"}
CHECKING = HEAVY | {"random", "secrets", "tempfile"}
NOTHING_BUT_HELP = HEAVY | {"yaml", "re2", "idna", "zoneinfo", "email", "logging", "json"}


@pytest.mark.parametrize(
    ("never", "arguments"),
    [
        (NOTHING_BUT_HELP, ["--help"]),
        (NOTHING_BUT_HELP, ["no-such-command"]),
        (HEAVY - {"socket"}, ["run", "--help"]),
        (HEAVY - {"socket"}, ["forward", "--help"]),
        (HEAVY - {"socket"}, ["reverse", "--help"]),
        (HEAVY, ["policy", "--help"]),
        (CHECKING, ["policy", "check", "policies/corporate.yaml"]),
        (CHECKING, ["policy", "check", "policies/api.yaml"]),
        (HEAVY, ["audit", "--help"]),
        (HEAVY, ["ca", "--help"]),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_that_moves_no_bytes_loads_no_engine(never: set[str], arguments: list[str]) -> None:
    loaded = _modules_loaded_by(arguments)

    assert "gateway.cli.main" in loaded
    assert set() == never & {module.partition(".")[0] for module in loaded}


def _modules_loaded_by(arguments: list[str]) -> set[str]:
    """Names by `-X importtime`: what was loaded does not depend on how busy the machine is, as times do."""
    command = [sys.executable, "-X", "importtime", str(Path(sys.executable).with_name("wicketgate")), *arguments]
    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    lines = (line for line in run.stderr.splitlines() if line.startswith("import time:"))
    return {line.rpartition("|")[2].strip() for line in lines}


def test_a_policy_without_lists_is_checked_without_what_reads_lists() -> None:
    loaded = _modules_loaded_by(["policy", "check", "policies/api.yaml"])

    assert "gateway.policy.compile" in loaded
    assert "gateway.lists.load" not in loaded


def test_a_check_loads_the_formats_of_the_lists_that_are_there_and_nothing_that_fetches_or_packs() -> None:
    program = "import sys; from gateway.cli.main import main; main(sys.argv[1:]); print(*sys.modules, sep='\\n')"
    command = [sys.executable, "-c", program, "policy", "check", "policies/corporate.yaml"]
    run = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = set(run.stdout.splitlines())

    formats = {each.rpartition(".")[2] for each in loaded if each.startswith("gateway.lists.formats.")}
    assert formats == {"hosts", "netset"}
    assert not {"gateway.lists.feeds", "json", "shutil", "lzma", "bz2", "logging"} & loaded
