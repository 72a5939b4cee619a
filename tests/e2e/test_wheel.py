from __future__ import annotations

import os
import re
import subprocess
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(300)]


META = r"wicketgate-[0-9.]+[.](dist-info|data)/"
CLEAN = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
"""The environment without what would lead the installed Python back to the checkout."""


def _uv(*arguments: str | Path) -> None:
    command = ["sh", str(ROOT / "tools" / "env.sh"), "uv", *map(str, arguments)]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sdist")
    _uv("build", "--sdist", "--out-dir", folder, ROOT)
    (archive,) = folder.glob("*.tar.gz")
    return archive


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Built from the source distribution and from nothing else, as a packager would."""
    folder = tmp_path_factory.mktemp("wheel")
    _uv("build", "--wheel", "--out-dir", folder, sdist)
    (archive,) = folder.glob("*.whl")
    return archive


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the programs of an environment into which the wheel was installed, in the locked versions."""
    folder = tmp_path_factory.mktemp("installed")
    locked = folder / "locked.txt"
    _uv("export", "-q", "--frozen", "--no-dev", "--no-hashes", "--no-emit-project", "--output-file", locked)
    _uv("venv", "-q", "--python", sys.executable, folder / "env")
    _uv("pip", "install", "-q", "--python", folder / "env", "--constraints", locked, wheel)
    return folder / "env" / "bin"


def test_the_source_distribution_holds_what_is_needed_to_build_and_to_judge_it(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}

    assert {"pyproject.toml", "LICENSE", "README.md", "policies/corporate.yaml", "tests/e2e/test_wheel.py"} <= names
    assert not {name for name in names if name.startswith((".venv", ".wicketgate", "dist/"))}


def test_the_wheel_holds_the_product_and_its_policies_alone(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()

    assert "gateway/shipped_policies/lists/ads.hosts" in names
    assert "gateway/py.typed" in names
    assert {"gateway", "addons"} == {name.partition("/")[0] for name in names if not re.match(META, name)}
    assert {name.partition("/data/")[2] for name in names if "/data/" in name} == {
        "share/man/man1/wicketgate.1",
        "share/bash-completion/completions/wicketgate",
        "share/zsh/site-functions/_wicketgate",
        "share/fish/vendor_completions.d/wicketgate.fish",
    }


def test_the_installed_command_works_far_from_the_checkout(installed: Path, tmp_path: Path) -> None:
    said = subprocess.run(
        [installed / "wicketgate", "--version"], cwd=tmp_path, check=True, capture_output=True, env=CLEAN
    )

    assert said.stdout == b"wicketgate 0.1.0\n"


@pytest.mark.parametrize("policy", ["corporate", "deny-by-default", "api"])
def test_an_installed_policy_passes_its_check_and_its_cases(installed: Path, tmp_path: Path, policy: str) -> None:
    where = "from gateway.cli.shipped import shipped_policies; print(shipped_policies())"
    python = str(installed / "python")
    shipped = subprocess.run(
        [python, "-P", "-c", where], cwd=tmp_path, check=True, capture_output=True, text=True, env=CLEAN
    ).stdout.strip()
    assert str(ROOT) not in shipped

    for verb, file in (("check", f"{shipped}/{policy}.yaml"), ("test", f"{shipped}/{policy}.cases.yaml")):
        command = str(installed / "wicketgate")
        run = subprocess.run(
            [command, "policy", verb, file], cwd=tmp_path, check=False, capture_output=True, text=True, env=CLEAN
        )
        assert run.returncode == 0, run.stdout + run.stderr
