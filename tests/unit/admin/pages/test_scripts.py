"""The scripts of the pages that compute and show nothing, tested by Node in their own language."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "scripts"
SCRIPTS = Path(__file__).parents[4] / "gateway" / "admin" / "pages" / "scripts"
PURE = {"address", "events", "format", "rows", "series"}


@pytest.mark.parametrize("name", sorted(PURE))
def test_node_finds_nothing_wrong_with(name: str) -> None:
    node = shutil.which("node")
    assert node is not None
    ran = subprocess.run(
        [node, "--test", "--test-reporter=tap", str(HERE / f"{name}.test.mjs")],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
    )

    assert ran.returncode == 0, ran.stdout
    assert re.search(r"^# pass [1-9]", ran.stdout, re.MULTILINE)
    assert re.search(r"^# fail 0$", ran.stdout, re.MULTILINE)


def test_what_computes_touches_no_page_and_nothing_outside() -> None:
    for name in PURE:
        text = (SCRIPTS / f"{name}.mjs").read_text("utf-8")
        assert not re.search(r"\b(document|window|fetch|localStorage|import)\b(?!ed)", _code(text)), name


def test_no_script_makes_elements_of_markup() -> None:
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|javascript:|https?://(?!www\.w3\.org|\$)"
    for path in SCRIPTS.glob("*.mjs"):
        assert not re.search(forbidden, path.read_text("utf-8")), path.name
        assert len(path.read_text("utf-8").splitlines()) <= 400


def _code(text: str) -> str:
    return re.sub(r"//.*|/\*.*?\*/", "", text)
