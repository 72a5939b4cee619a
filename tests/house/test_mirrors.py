"""Every module has its tests where everybody looks for them.

`unmirrored.txt` holds the modules that have none there, each with the test file that covers it and the reason. It can
only shrink: a module that is not on it needs its tests, and one that got them has to leave it.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

import pytest

from tests.house.sources import PRODUCT, ROOT, modules, name

if TYPE_CHECKING:
    from pathlib import Path

EXCEPTIONS = ROOT / "tests" / "house" / "unmirrored.txt"
LEAST_WORDS = 3
ENTRY = re.compile(r"(?P<module>\S+\.py)  # covered by (?P<tests>tests/\S+\.py): (?P<reason>\S.*)")
NEVER_MIRRORED = {"__init__.py", "__main__.py"}


class Exempt(NamedTuple):
    """A module without tests of its own name: the test file that covers it, and why there is no other."""

    tests: str
    reason: str


def test_every_module_has_its_mirrored_tests() -> None:
    missing = {
        f"{name(path)} (wants {name(_mirror(path))})"
        for path in modules(*PRODUCT)
        if path.name not in NEVER_MIRRORED and not _mirror(path).is_file() and name(path) not in _exceptions()
    }

    assert set() == missing


def test_the_list_of_exceptions_only_shrinks() -> None:
    unneeded = {listed for listed in _exceptions() if not (ROOT / listed).is_file() or _mirror(ROOT / listed).is_file()}

    assert set() == unneeded


def test_every_exception_says_why() -> None:
    assert [listed for listed, exempt in _exceptions().items() if len(exempt.reason.split()) < LEAST_WORDS] == []


def test_every_exception_names_tests_that_are_there_and_speak_of_it() -> None:
    uncovered = {
        f"{listed}: {exempt.tests}"
        for listed, exempt in _exceptions().items()
        if not (ROOT / exempt.tests).is_file() or _import_of(listed) not in (ROOT / exempt.tests).read_text("utf-8")
    }

    assert set() == uncovered


@pytest.mark.parametrize(
    ("wanted", "line"),
    [
        (Exempt("tests/unit/test_b.py", "values only"), "gateway/a.py  # covered by tests/unit/test_b.py: values only"),
        (None, "gateway/a.py  # values only"),
        (None, "gateway/a.py  # covered by: values only"),
        (None, "gateway/a.py"),
        (None, "gateway/a.py  # covered by gateway/b.py: values only"),
    ],
)
def test_an_exception_has_one_form(wanted: Exempt | None, line: str) -> None:
    found = ENTRY.fullmatch(line)

    assert wanted == (found and Exempt(found["tests"], found["reason"]))


def _mirror(path: Path) -> Path:
    """`tests/unit/policy/test_names.py` for `gateway/policy/names.py`, `tests/adapters/test_x.py` for `addons/x.py`."""
    root, *folders = path.relative_to(ROOT).parent.parts
    room = {"gateway": "unit", "addons": "adapters"}[root]
    return ROOT.joinpath("tests", room, *folders, f"test_{path.name}")


def _import_of(module: str) -> str:
    """How tests import `gateway/policy/lists.py`: `from gateway.policy.lists import`."""
    return f"from {module.removesuffix('.py').replace('/', '.')} import"


def _exceptions() -> dict[str, Exempt]:
    found = {}
    for line in EXCEPTIONS.read_text("utf-8").splitlines():
        if line and not line.startswith("#"):
            entry = ENTRY.fullmatch(line)
            assert entry, f"`{line}` should be `module.py  # covered by tests/...: reason`"
            found[entry["module"]] = Exempt(entry["tests"], entry["reason"])
    return found
