from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.e2e.clients.site import PACKAGE, SAID, WHEEL, git
from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from tests.e2e.clients.conftest import Company

pytestmark = pytest.mark.e2e

BASE = Path(sys.base_prefix) / "bin" / f"python3.{sys.version_info.minor}"
"""The Python that the environment was made with: it comes with pip, the environment does not."""


def _run(company: Company, *command: str, cwd: Path, **more: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command,
        cwd=cwd,
        env={**company.environment(), **more},
        capture_output=True,
        text=True,
        timeout=2 * PATIENCE,
        check=False,
    )


def _pip(company: Company, *arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run pip with no settings but these."""
    settings = ("--isolated", "--disable-pip-version-check", "--no-cache-dir", "--retries", "0")
    proxy = ("--proxy", company.url, "--cert", str(company.authority))
    command = (str(BASE), "-m", "pip", *arguments, *settings, *proxy)
    return _run(company, *command, cwd=cwd, PIP_CONFIG_FILE="/dev/null", PIP_FIND_LINKS="")


def test_pip_installs_from_an_index_behind_the_proxy(company: Company, tmp_path: Path) -> None:
    index = company.site.url("index.example", "/simple/")

    installed = _pip(company, "install", "--index-url", index, "--target", "here", PACKAGE, cwd=tmp_path)

    assert installed.returncode == 0, installed.stderr
    assert (tmp_path / "here" / "brass_padlock.py").read_text(encoding="utf-8") == f"STATE = {SAID!r}\n"
    assert company.site.paths("index.example")[-1] == f"/files/{WHEEL}"


def test_pip_is_told_that_a_site_is_closed(company: Company, tmp_path: Path) -> None:
    refused = _pip(company, "download", company.site.url("games.example", f"/files/{WHEEL}"), cwd=tmp_path)

    assert refused.returncode != 0
    assert "Tunnel connection failed: 403 Forbidden" in refused.stderr
    assert company.was_denied("rule-deny", "no-games")


@pytest.mark.skipif(shutil.which("npm") is None, reason="npm is not installed (Debian: npm)")
def test_npm_installs_from_a_registry_behind_the_proxy(company: Company, tmp_path: Path) -> None:
    (tmp_path / "package.json").write_text('{"name": "app", "version": "1.0.0"}', encoding="utf-8")
    (tmp_path / ".npmrc").write_text(
        f"registry={company.site.url('npm.example')}\nproxy={company.url}\nhttps-proxy={company.url}\n"
        f"cafile={company.authority}\naudit=false\nfund=false\nupdate-notifier=false\nnoproxy=\n"
        f"cache={tmp_path / 'cache'}\nuserconfig={tmp_path / 'none'}\n",
        encoding="utf-8",
    )

    installed = _run(company, "npm", "install", PACKAGE, cwd=tmp_path, NODE_EXTRA_CA_CERTS=str(company.authority))
    said = _run(company, "node", "-p", f"require('{PACKAGE}')", cwd=tmp_path)

    assert installed.returncode == 0, installed.stderr
    assert said.stdout.strip() == SAID


def _settings(company: Company) -> dict[str, str]:
    return {**company.environment(), "GIT_SSL_CAINFO": str(company.authority)}


def test_git_clones_and_is_kept_from_pushing(company: Company, tmp_path: Path) -> None:
    url = company.site.url("git.example", "/padlocks.git")

    cloned = git("clone", "-q", url, "copy", cwd=tmp_path, environment=_settings(company))
    assert cloned.returncode == 0, cloned.stderr
    copy = tmp_path / "copy"
    (copy / "README").write_text("No padlock\n", encoding="utf-8")
    git("commit", "-q", "-am", "no padlock", cwd=copy)
    pushed = git("push", "-q", cwd=copy, environment=_settings(company))

    assert pushed.returncode != 0
    assert "403" in pushed.stderr
    assert company.was_denied("rule-deny", "no-push")
    assert not any(path.endswith("/git-receive-pack") for path in company.site.paths("git.example"))
