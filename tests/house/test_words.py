from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import name, project_files

if TYPE_CHECKING:
    from pathlib import Path

GENERATED = {"uv.lock"}
SELF = "tests/house/test_words.py"

# Written with a gap, so that this file does not say what it forbids.
NOT_OURS = {
    "a folder of somebody's machine": r"(?<![\w.])/(work|tmp/plan|tmp/wt|root|home/\w+)/",
    "papers that do not come with the project": r"shared/(design|research|tasks)|design (doc|note)s?\b",
    "a tracker that readers cannot see": r"\b[Ii]ssue #?\d+",
    "the host of a package registry": r"pypi\.[o]rg|python[h]osted|test\.py[p]i|crates\.[i]o|npm[j]s",
    "a mark of unfinished work": r"\b(TO[D]O|FIX[M]E|XX[X])\b(?!\])",
    "a private key": r"-----BEGIN (EC |RSA )?PRIVATE [K]EY-----",
}
DATA_BESIDE_THE_CHECKOUT = re.compile(r"\.\./shared")


@pytest.mark.parametrize(("what", "pattern"), NOT_OURS.items(), ids=list(NOT_OURS))
def test_the_project_speaks_of_itself_alone(what: str, pattern: str) -> None:
    found = [place for path in _texts() for place in _places(path, re.compile(pattern))]

    assert found == [], what


def test_only_tests_look_at_data_beside_the_checkout() -> None:
    texts = [path for path in _texts() if not name(path).startswith("tests/")]

    assert [place for path in texts for place in _places(path, DATA_BESIDE_THE_CHECKOUT)] == []


@pytest.mark.parametrize(
    ("forbidden", "text"),
    [
        (True, "see /work/main/x"),
        (True, "as issue 12 says"),
        (True, "https://pypi.org/simple"),
        (True, "# TODO later"),
        (False, "the network/path that works, the issue of certificates"),
        (False, "curl -x http://127.0.0.1:8080 http://example.com/"),
    ],
)
def test_the_patterns_find_what_they_are_for(forbidden: bool, text: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert forbidden is any(re.search(pattern, text) for pattern in NOT_OURS.values())


def _texts() -> list[Path]:
    return [path for path in project_files() if name(path) not in GENERATED | {SELF} and _is_text(path)]


def _is_text(path: Path) -> bool:
    return b"\0" not in path.read_bytes()[:4096]


def _places(path: Path, pattern: re.Pattern[str]) -> list[str]:
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    return [
        f"{name(path)}:{number} {line.strip()[:100]}" for number, line in enumerate(lines, 1) if pattern.search(line)
    ]
