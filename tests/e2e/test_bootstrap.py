from __future__ import annotations

import os
import shutil
import subprocess
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import ROOT, name, project_files

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh checkout: what git knows of the project, and nothing that was made here."""
    copy = tmp_path_factory.mktemp("checkout")
    for path in project_files():
        target = copy / name(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, target)
    return copy


def _make(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    outer = {"VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"}  # of the make that runs the tests
    environment = {key: value for key, value in os.environ.items() if key not in outer}
    return subprocess.run(
        ["make", *arguments], cwd=checkout, check=False, capture_output=True, text=True, env=environment
    )


def test_a_fresh_checkout_becomes_runnable_with_one_command_and_the_next_has_nothing_to_do(checkout: Path) -> None:
    first = _make(checkout, "env")
    assert first.returncode == 0, first.stderr
    assert "env: ready" in first.stderr
    version = subprocess.run([checkout / ".venv/bin/wicketgate", "--version"], check=True, capture_output=True)
    assert version.stdout.startswith(b"wicketgate ")

    second = _make(checkout, "env")

    assert second.returncode == 0, second.stderr
    assert second.stderr == ""

    with (checkout / "uv.lock").open("a", encoding="utf-8") as lock:
        lock.write("\n")
    assert "env: ready" in _make(checkout, "env").stderr


def test_make_alone_lists_what_there_is_to_make(checkout: Path) -> None:
    listed = _make(checkout)

    assert listed.returncode == 0
    assert [line.split()[1] for line in listed.stdout.splitlines()] == [
        *("help", "env", "run", "test", "lint", "check", "bench", "promises", "docs", "test-deps", "clean")
    ]


def test_every_script_is_valid_shell() -> None:
    scripts = [*(ROOT / "tools").glob("*.sh"), ROOT / ".ci" / "run"]

    assert [subprocess.run(["bash", "-n", script], check=False).returncode for script in scripts] == [0] * len(scripts)
