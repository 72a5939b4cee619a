from __future__ import annotations

import shutil
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.clients.conftest import Company

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(shutil.which("chromium") is None, reason="no browser is installed (Debian: chromium)"),
    pytest.mark.skipif(shutil.which("certutil") is None, reason="no certutil is installed (Debian: libnss3-tools)"),
]

QUIET: Final = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync", "--disable-quic", "--virtual-time-budget=10000"),
)


@pytest.fixture(scope="module")
def home(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The home of somebody who installed the gateway's certificate, as its welcome page tells for Linux."""
    folder = tmp_path_factory.mktemp("home")
    store = folder / ".pki" / "nssdb"
    store.mkdir(parents=True)
    database = ("certutil", "-d", f"sql:{store}")
    subprocess.run([*database, "-N", "--empty-password"], check=True, timeout=PATIENCE)
    trusted = ("-A", "-t", "C,,", "-n", "gateway", "-i", str(company.authority))
    subprocess.run([*database, *trusted], check=True, timeout=PATIENCE)
    return folder


def _page(company: Company, home: Path, url: str) -> str:
    """What the browser makes of an address."""
    shown = subprocess.run(
        ["chromium", *QUIET, f"--user-data-dir={home / 'profile'}", f"--proxy-server={company.url}", "--dump-dom", url],
        env={**company.environment(), "HOME": str(home)},
        capture_output=True,
        text=True,
        timeout=3 * PATIENCE,
        check=False,
    )
    return shown.stdout


def test_a_browser_that_trusts_the_authority_shows_an_inspected_page(company: Company, home: Path) -> None:
    assert "<h1>A brass padlock</h1>" in _page(company, home, company.site.url("www.example"))


def test_a_browser_shows_the_block_page_inside_an_inspected_site(company: Company, home: Path) -> None:
    shown = _page(company, home, company.site.url("www.example", "/secret/plans"))

    assert "Not for you" in shown
    assert "help@company.example" in shown
    assert "no-secrets" in shown
    assert "/secret/plans" not in company.site.paths("www.example")


def test_a_browser_gets_no_tunnel_to_a_denied_site(company: Company, home: Path) -> None:
    shown = _page(company, home, company.site.url("games.example"))

    assert "brass padlock" not in shown
    assert company.was_denied("rule-deny", "no-games")
    assert company.site.paths("games.example") == []


def test_a_browser_distrusts_what_is_passed_on_unread_if_it_would_without_a_proxy(company: Company, home: Path) -> None:
    assert "brass padlock" not in _page(company, home, company.site.url("bank.example"))
