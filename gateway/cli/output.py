"""What a command answers on standard output: lines for people, or one JSON object for programs."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable

    from gateway.policy.problems import Problem

FORMATS = ("text", "json")


def add_format(parser: argparse.ArgumentParser) -> None:
    """The option `--format`."""
    parser.add_argument(
        "--format", choices=FORMATS, default=FORMATS[0], help="for people or for programs (%(default)s)"
    )


def answer(form: str, lines: Iterable[str], data: Any) -> None:
    """Print the answer in one of the two forms."""
    if form == "json":
        import json

        json.dump(data, sys.stdout, indent=2, ensure_ascii=False)
        sys.stdout.write("\n")
    else:
        sys.stdout.writelines(f"{line}\n" for line in lines)


def problem_data(problem: Problem) -> dict[str, str | int]:
    """A problem for programs."""
    place = problem.place
    return {
        "file": place.file,
        "line": place.line,
        "column": place.column,
        "path": problem.path,
        "message": problem.message,
    }
