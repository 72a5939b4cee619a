"""How a command ends: its exit code, and the sentences that say why.

Every message goes to standard error, one line per problem, so that standard output stays what was asked for.
"""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

type Form = Literal["text", "json"]

OK: Final = 0
"""Everything was as it should be."""
FINDINGS: Final = 1
"""The command worked, and has something to object to: a denied request, a failed case."""
WRONG_USAGE: Final = 2
"""The command was called wrongly, or cannot read or use what it was given."""
CANNOT_DECIDE: Final = 3
"""The command cannot answer; nothing may be concluded from it."""
INTERRUPTED: Final = 130
"""Ended from the keyboard, in the convention of shells: 128 + SIGINT."""


class Unusable(Exception):  # noqa: N818 - it says what is wrong with the input, and is no failure of the program
    """What was given cannot be used; `problems` says all of it, one sentence each, to be told in the form `form`."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems
        self.form: Form = "text"


@contextmanager
def told_in(form: Form | None) -> Iterator[None]:
    """What is unusable within this block is told in this form, if it is one: a log for programs holds nothing else."""
    try:
        yield
    except Unusable as error:
        error.form = form or error.form
        raise


def complain(*problems: str, form: Form = "text") -> int:
    """Write each problem on its line to standard error and return the exit code for wrong usage.

    Nothing is put before them: editors and terminals find `file:line:column` at the beginning of a line.
    """
    for problem in problems:
        sys.stderr.write(f"{problem}\n" if form == "text" else _for_programs(problem, "error"))
    return WRONG_USAGE


def tell(sentence: str, form: Form) -> None:
    """Tell the operator something before there is anybody else who could."""
    sys.stderr.write(f"wicketgate: {sentence}\n" if form == "text" else _for_programs(sentence, "info"))


def _for_programs(sentence: str, level: str) -> str:
    import time

    from gateway.logs.lines import SPEAKER, Line

    return Line(time=time.time(), level=level, part=SPEAKER, sentence=sentence).written("json")
