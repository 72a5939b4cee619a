"""Programs that tests start: found, or the test is skipped with the name of the Debian package that has them."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, Final

import pytest

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

PACKAGES: Final = {
    "node": "nodejs",
    "npm": "npm",
    "chromium": "chromium",
    "curl": "curl",
    "promtool": "prometheus",
    "git": "git",
    "apt-get": "apt",
    "javac": "default-jdk-headless",
}

_QUIET: Final = (
    "headless no-sandbox disable-gpu no-first-run disable-background-networking disable-component-update disable-sync "
    "disable-quic disable-default-apps disable-dev-shm-usage no-pings hide-scrollbars"
)


def program(name: str) -> str:
    """The path of a program; skips the test where it is not installed."""
    found = shutil.which(name)
    if found is None:
        pytest.skip(f"`{name}` is not installed (Debian: {PACKAGES.get(name, name)})")
    return found


def chromium(profile: Path, *arguments: str) -> Sequence[str]:
    """The command line of a Chromium without a window, which asks nobody for anything by itself."""
    return (program("chromium"), *(f"--{each}" for each in _QUIET.split()), f"--user-data-dir={profile}", *arguments)
