"""Blocks marked `console runnable` in the documents are run, and must say what is printed there.

`$ ` begins a command; the lines behind it are what it prints, where `...` stands for anything. A command must succeed,
unless `$ echo $?` behind it shows the code with which it ends. One shell runs all of a document. A block marked
`FORMAT file=NAME` is a file that the reader is asked to write. Ports that commands and files take
(`--port`, `--listen`, `bind:`, `port=`) are replaced by free ones.
"""

from __future__ import annotations

import os
import re
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.e2e.commands import free_port, until
from tests.e2e.shell import shell
from tests.house.sources import ROOT, name, project_files

pytestmark = pytest.mark.e2e

BLOCK = re.compile(r"^```(?:console runnable|[a-z]+ file=(\S+))\n(.*?)^```", re.MULTILINE | re.DOTALL)
RUNNABLE = re.compile(r"^```console runnable$", re.MULTILINE)
TAKEN = re.compile(r"""(?:--port |--listen \S+:|port="|bind: "127\.0\.0\.1:|\("127\.0\.0\.1", )([0-9]{4,5})\b""")


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
    return [path for path in project_files() if path.suffix == ".md" and RUNNABLE.search(path.read_text("utf-8"))]


@pytest.mark.parametrize("document", _documents(), ids=name)
def test_what_a_document_shows_is_what_happens(document: Path, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "policies", tmp_path / "policies")
    programs = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    environment = {**os.environ, "PATH": programs, "NO_COLOR": "1", "TZ": "UTC"}

    with shell(tmp_path, environment) as running:
        for written, block in BLOCK.findall(_on_free_ports(document.read_text("utf-8"))):
            if written:
                (tmp_path / written).write_text(block)
                continue
            for step in _steps(block):
                printed, code = running.run(step.command)
                assert code == step.code, f"{step.command}\n{printed}"
                assert re.fullmatch(_pattern(step.printed), _whole(printed)), f"{step.command}\n{printed}"


def _whole(printed: str) -> str:
    """The output as a document can show it: an end to its last line, and one kind of line end."""
    printed = printed.replace("\r\n", "\n")
    return printed if printed.endswith("\n") or not printed else f"{printed}\n"


def _on_free_ports(text: str) -> str:
    """The text with every port that a command of it takes replaced, wherever it is named."""
    shown = "".join(block for _, block in BLOCK.findall(text))
    for port in set(TAKEN.findall(shown)):
        text = re.sub(rf"\b{port}\b", str(free_port()), text)
    return text


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


def test_a_port_that_a_command_takes_is_the_same_free_one_wherever_it_is_named() -> None:
    block = "```console runnable\n$ app --port {}; gate --listen 127.0.0.1:{}; curl 127.0.0.1:{} 127.0.0.1:8081\n```\n"
    text = _on_free_ports(block.format(8000, 8443, 8000))

    found = re.fullmatch(block.format("(.*)", "(.*)", "(.*)").replace("$", "[$]"), text)
    assert found is not None
    assert found[1] == found[3] != found[2]
    assert {found[1], found[2]}.isdisjoint({"8000", "8443"})


def test_the_shell_of_a_document_keeps_its_variables_and_jobs_and_ends_them(tmp_path: Path) -> None:
    with shell(tmp_path, os.environ) as running:
        assert running.run("name=value; pwd") == (f"{tmp_path}\n", 0)
        assert running.run("sleep 600 & echo $! > pid; echo $name") == ("value\n", 0)
        assert running.run("cat; (exit 3)") == ("", 3)
        assert running.run("echo to the error stream >&2; printf 'no newline'") == (
            "to the error stream\nno newline",
            0,
        )
        pid = (tmp_path / "pid").read_text().strip()
        assert Path(f"/proc/{pid}").exists()

    until(lambda: not Path(f"/proc/{pid}").exists(), "a job goes on behind its shell")
