from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

import pytest

from gateway.cli.main import DEBUG_VARIABLE, VERBS, main, usage
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, INTERRUPTED, OK, WRONG_USAGE, Unusable

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

COMMAND = str(Path(sys.executable).with_name("wicketgate"))


def test_help_names_every_verb_with_its_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == OK

    shown = capsys.readouterr()
    assert shown.err == ""
    assert all(f"  {verb} " in shown.out and line in shown.out for verb, line in VERBS.items())


def test_without_a_verb_the_help_is_an_answer_to_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == WRONG_USAGE

    shown = capsys.readouterr()
    assert shown.out == ""
    assert shown.err == usage()


def test_the_version_is_that_of_the_package(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == OK

    assert capsys.readouterr().out == "wicketgate 0.1.0\n"


@pytest.mark.parametrize(
    ("sentence", "typed"),
    [
        ("wicketgate: unknown command `forwrad`, did you mean `forward`?\n", "forwrad"),
        ("wicketgate: unknown command `qqq`, `wicketgate --help` lists them\n", "qqq"),
        ("wicketgate: unknown option `--quiet`, `wicketgate --help` lists them\n", "--quiet"),
        ("wicketgate: unknown option `--versoin`, did you mean `--version`?\n", "--versoin"),
    ],
)
def test_an_unknown_verb_is_answered_with_the_way_out(
    sentence: str, typed: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([typed]) == WRONG_USAGE

    assert capsys.readouterr().err == sentence


def _raise(error: BaseException) -> Callable[[Sequence[str]], int]:
    def run(argv: Sequence[str]) -> int:
        raise error

    return run


@pytest.fixture
def verb(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Sequence[str]], int]], None]:
    """Puts a verb of the test's own in place of `ca`."""

    def put(run: Callable[[Sequence[str]], int]) -> None:
        module = ModuleType("gateway.cli.ca")
        vars(module)["main"] = run
        monkeypatch.setitem(sys.modules, "gateway.cli.ca", module)

    return put


type PutVerb = Callable[[Callable[[Sequence[str]], int]], None]


@pytest.mark.parametrize(
    ("code", "said", "error"),
    [
        (WRONG_USAGE, "first thing\nsecond thing\n", Unusable("first thing", "second thing")),
        (WRONG_USAGE, "wicketgate: `x.yaml`: no such file\n", FileNotFoundError(2, "No such file", "x.yaml")),
        (INTERRUPTED, "", KeyboardInterrupt()),
        (FINDINGS, "", SystemExit(1)),
        (OK, "", SystemExit(None)),
    ],
    ids=["unusable", "system", "interrupted", "left with a code", "left without"],
)
def test_however_a_verb_ends_it_ends_in_words_and_a_code(
    code: int, said: str, error: BaseException, verb: PutVerb, capsys: pytest.CaptureFixture[str]
) -> None:
    verb(_raise(error))

    assert main(["ca"]) == code
    assert capsys.readouterr().err == said


def test_a_fault_of_our_own_is_reported_without_a_traceback_and_decides_nothing(
    verb: PutVerb, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(DEBUG_VARIABLE, raising=False)
    verb(_raise(ZeroDivisionError("division by zero")))

    assert main(["ca"]) == CANNOT_DECIDE

    said = capsys.readouterr().err
    assert said.startswith("wicketgate: internal error: division by zero (in cli/test_main.py:")
    assert "please report" in said
    assert "Traceback" not in said
    assert "ZeroDivisionError" not in said


def test_the_traceback_of_a_fault_is_shown_to_whoever_asks_for_it(
    verb: PutVerb, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(DEBUG_VARIABLE, "1")
    verb(_raise(ZeroDivisionError("division by zero")))

    assert main(["ca"]) == CANNOT_DECIDE
    assert "ZeroDivisionError: division by zero" in capsys.readouterr().err


def test_a_verb_gets_the_arguments_behind_its_name(verb: PutVerb) -> None:
    given: list[Sequence[str]] = []

    def run(argv: Sequence[str]) -> int:
        given.append(argv)
        return FINDINGS

    verb(run)

    assert main(["ca", "show", "--state", "x"]) == FINDINGS
    assert given == [["show", "--state", "x"]]


def test_a_reader_that_leaves_early_is_no_error() -> None:
    reading, writing = os.pipe()
    os.close(reading)

    run = subprocess.run([COMMAND, "--help"], check=False, stdout=writing, stderr=subprocess.PIPE)
    os.close(writing)

    assert run.returncode == OK
    assert run.stderr == b""


def test_the_help_is_plain_text_whatever_the_terminal_can_do() -> None:
    run = subprocess.run(
        [COMMAND, "--help"], check=True, capture_output=True, env={**os.environ, "NO_COLOR": "1", "FORCE_COLOR": "1"}
    )

    assert b"\x1b" not in run.stdout
