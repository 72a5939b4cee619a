"""The documentation as a site: every link leads somewhere, and no page brings in anything from elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from tests.house.sources import ROOT

BROUGHT_IN: Final = re.compile(
    r"<(?:script|img|iframe|link(?=[^>]*rel=\"?(?:stylesheet|preload)))[^>]*(?:src|href)=\"?(https?:)?//"
)
CALM: Final = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}


def _build(folder: Path, configuration: Path = ROOT / "mkdocs.yml") -> subprocess.CompletedProcess[str]:
    mkdocs = str(Path(sys.executable).with_name("mkdocs"))
    command = [mkdocs, "build", "--strict", "-f", str(configuration), "-d", str(folder)]
    return subprocess.run(command, check=False, capture_output=True, text=True, env=CALM, timeout=120)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site")
    built = _build(folder)
    assert (built.returncode, "WARNING" in built.stderr) == (0, False), built.stderr
    return folder


def test_every_page_of_the_documentation_is_on_the_site(site: Path) -> None:
    docs = ROOT / "docs"
    wanted = {
        str(path.relative_to(docs).with_suffix(".html")).replace("README", "index") for path in docs.rglob("*.md")
    }

    assert {str(path.relative_to(site)) for path in site.rglob("*.html")} - {"404.html"} == wanted


def test_no_page_brings_in_anything_from_elsewhere(site: Path) -> None:
    found = {path.name: BROUGHT_IN.findall(path.read_text("utf-8")) for path in site.rglob("*.html")}

    assert {name: urls for name, urls in found.items() if urls} == {}
    assert BROUGHT_IN.search('<script src="https://elsewhere.example/x.js">')


def test_what_no_reader_of_the_site_has_is_named_and_not_linked(site: Path) -> None:
    page = (site / "reference" / "conformance.html").read_text("utf-8")

    assert "Spellings of an address" in page
    assert re.findall(r'href="[^"]*tests/[^"]*"', page) == []


def test_no_block_of_a_page_is_left_as_it_was_typed(site: Path) -> None:
    assert [path.name for path in site.rglob("*.html") if "```" in path.read_text("utf-8")] == []


def test_a_link_that_leads_nowhere_keeps_the_site_from_being_built(tmp_path: Path) -> None:
    (tmp_path / "docs").mkdir()
    (tmp_path / "docs" / "README.md").write_text("# A page\n\n[nowhere](nowhere.md)\n", encoding="utf-8")
    (tmp_path / "tools").symlink_to(ROOT / "tools")
    (tmp_path / "mkdocs.yml").symlink_to(ROOT / "mkdocs.yml")

    built = _build(tmp_path / "site", tmp_path / "mkdocs.yml")

    assert built.returncode != 0
    assert "nowhere.md" in built.stdout + built.stderr
