"""The blocks of the how-to that are marked `tried` are run as they stand, with the address of a proxy of this test."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.clients.site import PAGE
from tests.e2e.commands import PATIENCE
from tests.house.sources import ROOT
from tests.programs import chromium, program

if TYPE_CHECKING:
    from tests.e2e.clients.conftest import Company

pytestmark = pytest.mark.e2e

DOCUMENT: Final = ROOT / "docs" / "how-to" / "send-programs-through-it.md"
BLOCK: Final = re.compile(r"^```sh tried ([a-z]+)\n(.*?)^```", re.MULTILINE | re.DOTALL)
RECIPES: Final = dict(BLOCK.findall(DOCUMENT.read_text("utf-8")))
PROXY: Final = "proxy.corp.example:8080"
SITES: Final = re.compile(r"https://(www|index|npm|git)\.example")
NEEDS: Final = {
    "certificate": "curl",
    "environment": "curl",
    "pip": "",
    "requests": "",
    "httpx": "",
    "apt": "apt-get",
    "java": "javac",
}
SHOWN: Final = {"certificate": "", "pip": "Successfully installed brass-padlock-1.0", "npm": "added 1 package"} | {
    "git": "A brass padlock",
    "apt": "Reading package lists",
}
"""What a recipe prints; those that are not here fetch the page."""
PIP: Final = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
OPTIONS_OF_A_WINDOW: Final = ("--virtual-time-budget=10000", "--dump-dom")


@pytest.fixture
def desk(company: Company, tmp_path: Path) -> Path:
    """The folder of somebody who did the first step, and on whose path lie the programs of these tests."""
    tools = tmp_path / "bin"
    tools.mkdir()
    _tool(tools / "pip", str(PIP), "-m", "pip", "--disable-pip-version-check", "--no-cache-dir")
    _tool(tools / "python3", sys.executable)
    _prepare_apt(tmp_path, company.site.url("www.example", "/debian"))
    shown = _run(company, tmp_path, "certificate")
    assert shown.returncode == 0, shown.stderr
    return tmp_path


def _prepare_apt(folder: Path, repository: str) -> None:
    """An apt that knows one repository, and of the machine nothing."""
    for each in ("state/lists/partial", "cache/archives/partial"):
        (folder / each).mkdir(parents=True)
    (folder / "sources.list").write_text(f"deb [trusted=yes] {repository} ./\n", encoding="utf-8")
    settings = {
        "Dir::State": folder / "state",
        "Dir::Cache": folder / "cache",
        "Dir::Etc::Parts": "/dev/null",
        "Dir::Etc::SourceList": folder / "sources.list",
        "Dir::Etc::SourceParts": "-",
        "APT::Sandbox::User": "root",
        "Acquire::Retries": "0",
    }
    text = "".join(f'{name} "{value}";\n' for name, value in settings.items())
    (folder / "apt.conf").write_text(text, encoding="utf-8")


def _tool(path: Path, *command: str) -> None:
    path.write_text(f'#!/bin/sh\nexec {" ".join(command)} "$@"\n', encoding="utf-8")
    path.chmod(0o755)


def _run(company: Company, folder: Path, name: str) -> subprocess.CompletedProcess[str]:
    """Run a recipe in a home and with an environment in which nothing is set."""
    here = f"127.0.0.1:{company.proxy.forward}"
    text = SITES.sub(rf"https://\1.example:{company.site.port}", RECIPES[name]).replace(PROXY, here)
    text = text.replace("proxyHost=proxy.corp.example", "proxyHost=127.0.0.1")
    text = text.replace("proxyPort=8080", f"proxyPort={company.proxy.forward}")
    path = f"{folder / 'bin'}:{os.environ['PATH']}"
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", text],
        cwd=folder,
        env={"PATH": path, "HOME": str(folder), "LANG": "C.UTF-8", "APT_CONFIG": str(folder / "apt.conf")},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )


def test_the_document_has_a_recipe_for_each_program_that_is_here() -> None:
    programs = {"curl", "wget", "pip", "npm", "node", "git", "apt", "requests", "httpx", "java", "chromium"}

    assert set(RECIPES) == programs | {"certificate", "environment"}


@pytest.mark.parametrize("name", sorted(set(RECIPES) - {"certificate", "chromium"}))
def test_a_recipe_does_what_it_is_for(name: str, company: Company, desk: Path) -> None:
    if needed := NEEDS.get(name, name):
        program(needed)
    before = len(company.site.asked)
    run = _run(company, desk, name)

    assert run.returncode == 0, run.stderr
    assert SHOWN.get(name, PAGE) in run.stdout
    assert len(company.site.asked) > before


def test_the_recipe_of_the_browser_does_what_it_is_for(company: Company, desk: Path) -> None:
    program("certutil")
    _tool(desk / "bin" / "chromium", *chromium(desk / "profile", *OPTIONS_OF_A_WINDOW))
    run = _run(company, desk, "chromium")

    assert "<h1>A brass padlock</h1>" in run.stdout, run.stderr


def test_without_the_recipe_there_is_no_way_out(company: Company, desk: Path) -> None:
    """What the recipes show came through the proxy: its names mean nothing to anybody else."""
    url = company.site.url("www.example")
    run = subprocess.run(
        ["curl", "-sS", url], env={"PATH": os.environ["PATH"]}, capture_output=True, check=False, timeout=PATIENCE
    )

    assert run.returncode == 6
    assert shutil.which("curl") is not None
