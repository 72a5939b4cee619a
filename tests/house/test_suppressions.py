from __future__ import annotations

import re
import tokenize
import tomllib
from typing import TYPE_CHECKING

import pytest

from tests.house.sources import PRODUCT, ROOT, modules, name

if TYPE_CHECKING:
    from pathlib import Path

SUPPRESSION = re.compile(r"#\s*(noqa|type:\s*ignore|pragma:|ruff:|mypy:|fmt:|pyright:)", re.IGNORECASE)
WITH_ITS_REASON = re.compile(
    r"#\s*(noqa: [A-Z]+[0-9]+(, ?[A-Z]+[0-9]+)* - |type: ignore\[[a-z, -]+\]  # |fmt: (off|on|skip) - )\S.{7,}"
)


def test_every_suppression_carries_its_reason() -> None:
    unexplained = [
        f"{name(path)}:{line} {comment}"
        for path in modules(*PRODUCT, "tests")
        for line, comment in _comments(path)
        if SUPPRESSION.search(comment) and not WITH_ITS_REASON.search(comment)
    ]

    assert unexplained == []


def test_every_suppression_of_the_project_file_carries_its_reason() -> None:
    lines = (ROOT / "pyproject.toml").read_text("utf-8").splitlines()
    lint = tomllib.loads("\n".join(lines))["tool"]["ruff"]["lint"]
    codes = {code for codes in (lint["ignore"], *lint["per-file-ignores"].values()) for code in codes}

    explained = {match[1] for line in lines if (match := re.match(r'\s*"([A-Z]+[0-9]*)",?\s+# \S+( \S+)+', line))}

    assert codes
    assert set() == codes - explained


@pytest.mark.parametrize(
    ("explained", "comment"),
    [
        (True, "# noqa: BLE001 - a hook may raise anything, and all of it refuses"),
        (True, "# type: ignore[no-untyped-call]  # the library has no types"),
        (False, "# noqa"),
        (False, "# noqa: BLE001"),
        (False, "# noqa: BLE001 - because"),
        (False, "# type: ignore[misc]"),
    ],
)
def test_a_reason_is_a_reason_only_if_it_says_something(explained: bool, comment: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert SUPPRESSION.search(comment)
    assert explained is bool(WITH_ITS_REASON.search(comment))


def _comments(path: Path) -> list[tuple[int, str]]:
    with path.open("rb") as source:
        tokens = list(tokenize.tokenize(source.readline))
    return [(token.start[0], token.string) for token in tokens if token.type == tokenize.COMMENT]
