"""Blocks marked `console runnable` in the documents are run, and must say what is printed there.

`$ ` begins a command; the lines behind it are what it prints, where `...` stands for anything. A command must succeed,
unless `$ echo $?` behind it shows the code with which it ends.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.house.sources import ROOT, name, project_files

pytestmark = pytest.mark.e2e

BLOCK = re.compile(r"^```console runnable\n(.*?)^```", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True, slots=True)
class Step:
    """One command, what it is said to print, and the code with which it is said to end."""

    command: str
    printed: str
    code: int = 0


def _steps(block: str) -> list[Step]:
    steps: list[Step] = []
    for part in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, printed = part.partition("\n")
        if command == "echo $?":
            last = steps.pop()
            steps.append(Step(last.command, last.printed, int(printed)))
        else:
            steps.append(Step(command, printed))
    return steps


def _documents() -> list[Path]:
    return [path for path in project_files() if path.suffix == ".md" and BLOCK.search(path.read_text("utf-8"))]


@pytest.mark.parametrize("document", _documents(), ids=name)
def test_what_a_document_shows_is_what_happens(document: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "NO_COLOR": "1", "TZ": "UTC"}

    for block in BLOCK.findall(document.read_text("utf-8")):
        for step in _steps(block):
            run = subprocess.run(
                ["bash", "-c", step.command],
                cwd=tmp_path,
                check=False,
                text=True,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                timeout=60,
            )  # fmt: skip - one argument a line would say no more
            assert run.returncode == step.code, f"{step.command}\n{run.stdout}"
            assert re.fullmatch(_pattern(step.printed), run.stdout), f"{step.command}\n{run.stdout}"


def _pattern(printed: str) -> re.Pattern[str]:
    return re.compile(re.escape(printed).replace(re.escape("..."), ".*"), re.DOTALL)


@pytest.mark.parametrize(
    ("fits", "printed", "output"),
    [
        (True, "one\n...\nthree\n", "one\ntwo\nthree\n"),
        (True, "took ... s\n", "took 0.1 s\n"),
        (True, "", ""),
        (False, "", "something\n"),
        (False, "one\n", "one\ntwo\n"),
    ],
)
def test_dots_stand_for_anything_and_nothing_else_does(fits: bool, printed: str, output: str) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert fits is bool(re.fullmatch(_pattern(printed), output))


def test_a_block_is_read_as_commands_with_what_they_print() -> None:
    block = "$ ls\na\nb\n$ false\n$ echo $?\n1\n"

    assert _steps(block) == [Step("ls", "a\nb\n"), Step("false", "", 1)]
