from __future__ import annotations

import re
from dataclasses import fields
from typing import TYPE_CHECKING

import pytest

from gateway.cli.main import VERBS
from gateway.config.settings import LimitSettings, ListenerSettings, Settings
from gateway.policy.language.list_clauses import FORMATS
from gateway.policy.language.schema import policy_schema
from gateway.policy.language.vocabulary import VOCABULARY, WITH_ARGUMENT
from gateway.policy.model import Reason
from tests.house.sources import ROOT, name, project_files

if TYPE_CHECKING:
    from pathlib import Path

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)[^)]*\)")
MAKE = re.compile(r"`make ([a-z-]+)`|^\$ make ([a-z-]+)", re.MULTILINE)
COMMAND = re.compile(r"(?:`|^\$ )(?:\.venv/bin/)?wicketgate ([a-z-]+)", re.MULTILINE)


RUNNABLE = re.compile(r"^```console runnable\n.*?^```", re.MULTILINE | re.DOTALL)
"""Blocks that are run, and need no other check."""
TEST = re.compile(r"`(tests/[^`]+\.py(?:::[^`]+)?)`")


def _documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md"]


def _words(file: str) -> set[str]:
    """Everything that a reference page sets as code within its text."""
    prose = re.sub(r"^```.*?^```", "", (REFERENCE / file).read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    codes = re.findall(r"`([^`]+)`", prose)
    return {*codes, *(code.partition(":")[0] for code in codes)}


def test_the_reference_knows_every_fact_and_every_operator() -> None:
    facts = {f"{fact}.<name>" if fact in WITH_ARGUMENT else str(fact) for fact in VOCABULARY}
    operators = {operator for shape in VOCABULARY.values() for operator in shape.operators}
    page = (REFERENCE / "policy.md").read_text("utf-8")

    assert facts - _words("policy.md") == set()
    assert {operator for operator in operators if not re.search(rf"`{operator}\b", page)} == set()


def test_the_reference_knows_every_key_of_a_policy() -> None:
    keys = set(policy_schema()["properties"])

    assert keys
    assert keys - _words("policy.md") == set()


def test_the_reference_knows_every_format_of_a_list() -> None:
    assert {each for formats in FORMATS.values() for each in formats} - _words("policy.md") == set()


def test_the_reference_knows_every_reason_and_no_other() -> None:
    table = (REFERENCE / "audit-record.md").read_text("utf-8").partition("## Reasons")[2]
    named = {
        word
        for line in table.splitlines()
        for word in re.findall(r"`([a-z-]+)`", line.split("|")[1] if "|" in line else "")
    }

    assert named == {str(reason) for reason in Reason}


def test_the_reference_knows_every_key_of_the_configuration() -> None:
    words = _words("configuration.md")
    keys = {field.name for values in (Settings, ListenerSettings, LimitSettings) for field in fields(values)}

    assert keys - words == {"written"}, "which says where all the others were read from"


def test_the_reference_knows_every_command() -> None:
    page = (REFERENCE / "command-line.md").read_text("utf-8")

    assert [verb for verb in VERBS if f"wicketgate {verb}" not in page] == []


@pytest.mark.parametrize("document", _documents(), ids=name)
def test_what_a_document_names_is_there(document: Path) -> None:
    text = document.read_text("utf-8")
    makefile = (ROOT / "Makefile").read_text("utf-8")
    makes = {first or second for first, second in MAKE.findall(text)}

    assert [link for link in LINK.findall(text) if "://" not in link and not (document.parent / link).exists()] == []
    assert {target for target in makes if not re.search(rf"^{target}:", makefile, re.MULTILINE)} == set()
    assert set(COMMAND.findall(RUNNABLE.sub("", text))) - {*VERBS, "--help"} == set()
    assert [test for test in TEST.findall(text) if not _exists(test)] == []


def test_every_promise_names_the_tests_that_hold_it() -> None:
    rows = [line for line in (ROOT / "SECURITY.md").read_text("utf-8").splitlines() if re.match(r"\| \d+ \|", line)]
    promised = {row.split("|")[1].strip(): TEST.findall(row) for row in rows}

    assert list(promised) == [str(number) for number in range(1, 11)]
    assert [number for number, tests in promised.items() if not tests] == []


def _exists(test: str) -> bool:
    """Whether `tests/x/test_y.py` or `tests/x/test_y.py::test_z` is there."""
    file, _, function = test.partition("::")
    path = ROOT / file
    return path.is_file() and f"def {function}" in path.read_text("utf-8")


def test_every_document_is_linked_from_an_index() -> None:
    folder = ROOT / "docs"
    indexes = (folder / "README.md", folder / "how-to" / "README.md")
    linked = {(index.parent / link).resolve() for index in indexes for link in LINK.findall(index.read_text("utf-8"))}

    assert {
        name(path) for path in folder.rglob("*.md") if path.resolve() not in linked and path not in indexes
    } == set()
