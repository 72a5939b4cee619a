from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house.sources import ROOT

FORBIDDEN_TO_THE_CORE = (
    "mitmproxy asyncio socket ssl threading subprocess random time os pathlib logging "
    "addons gateway.lists gateway.audit gateway.config gateway.control gateway.upstreams gateway.cli"
)

IMPORT_THE_CORE_UNDER_WATCH = """
import builtins, importlib, pkgutil, sys

forbidden = set(sys.argv[1].split())
trusting = builtins.__import__

def watched(name, globals=None, locals=None, fromlist=(), level=0):
    importer = (globals or {}).get("__name__", "")
    if importer.startswith("gateway.policy") and level == 0:
        wanted = {name, name.partition(".")[0], *(f"{name}.{item}" for item in fromlist or ())}
        if wanted & forbidden:
            raise SystemExit(f"{importer} imports {name}")
    return trusting(name, globals, locals, fromlist, level)

builtins.__import__ = watched
for engine in ("mitmproxy", "asyncio", "socket", "ssl", "subprocess", "fastapi", "uvicorn"):
    sys.modules[engine] = None

import gateway.policy
seen = [found.name for found in pkgutil.walk_packages(gateway.policy.__path__, "gateway.policy.")]
for module in seen:
    importlib.import_module(module)
print(len(seen))
"""


def test_the_import_contracts_hold() -> None:
    command = [str(Path(sys.executable).with_name("lint-imports")), "--no-cache"]

    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert run.returncode == 0, run.stdout + run.stderr


def test_the_decision_core_lives_where_there_is_no_engine_no_socket_and_no_clock() -> None:
    command = [sys.executable, "-P", "-c", IMPORT_THE_CORE_UNDER_WATCH, FORBIDDEN_TO_THE_CORE]

    run = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert run.returncode == 0, run.stderr
    assert int(run.stdout) >= 1


def test_the_watch_over_the_core_notices_a_forbidden_import(tmp_path: Path) -> None:
    for folder in (tmp_path / "gateway", tmp_path / "gateway" / "policy"):
        folder.mkdir()
        (folder / "__init__.py").touch()
    (tmp_path / "gateway" / "policy" / "curious.py").write_text("from os import environ\n", encoding="utf-8")
    script = f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n{IMPORT_THE_CORE_UNDER_WATCH}"

    command = [sys.executable, "-P", "-c", script, FORBIDDEN_TO_THE_CORE]
    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True)

    assert run.returncode == 1
    assert "gateway.policy.curious imports os" in run.stderr


def test_the_tests_of_the_core_run_where_mitmproxy_is_not_installed() -> None:
    rooms = [ROOT / "tests" / room for room in ("unit/policy", "unit/lists", "unit/audit", "property")]
    plugin = ["-p", "tests.house.without_mitmproxy", "--collect-only", "-q"]
    command = [sys.executable, "-m", "pytest", *plugin, *map(str, rooms)]

    collected = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)

    assert collected.returncode == 0, collected.stdout


def test_a_proxy_engine_cannot_be_imported_where_it_is_said_to_be_absent() -> None:
    script = "import tests.house.without_mitmproxy, mitmproxy"

    tried = subprocess.run([sys.executable, "-c", script], cwd=ROOT, check=False, capture_output=True, text=True)

    assert "mitmproxy is not installed here" in tried.stderr
