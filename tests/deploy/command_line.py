"""What shells and `man` are told of the command line, made from its parsers: `python -m tests.deploy.command_line`.

The files are kept, so that an installed command needs neither the makers nor the time to make them.
"""

from __future__ import annotations

import importlib
import sys
from argparse import ArgumentParser, HelpFormatter, _SubParsersAction
from typing import TYPE_CHECKING, Any, Final

import shtab
from argparse_manpage.manpage import Manpage

from gateway.cli.completion import FILES, FOLDER
from gateway.cli.main import VERBS
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SUMMARY: Final = "an access-control gateway: one policy, enforced on every request, every decision written down"
MANUAL: Final = ROOT / "deploy" / "man" / "wicketgate.1"
_COMPLETED: Final = {"FILE": shtab.FILE, "CASES": shtab.FILE, "DIR": shtab.DIRECTORY}
"""What a shell may put in for an argument, by what the help calls it."""


class _Unwrapped(HelpFormatter):
    """Lines as long as they come: the reader's terminal breaks them, and none begins with a dot by chance."""

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{**more, "width": 4_000})


def whole() -> ArgumentParser:
    """The command line with every verb."""
    top = ArgumentParser(prog="wicketgate", description=f"Wicketgate is {SUMMARY}.", formatter_class=_Unwrapped)
    top.add_argument("-V", "--version", action="store_true", help="print the version")
    verbs = top.add_subparsers(metavar="COMMAND", title="commands")
    for verb, line in VERBS.items():
        parser = importlib.import_module(f"gateway.cli.{verb}").command_line()
        verbs.add_parser(
            verb, parents=[parser], add_help=False, prog=parser.prog, help=line, description=parser.description
        )
    for each in _all_below(top):
        each.formatter_class = _Unwrapped
        for action in each._actions:  # noqa: SLF001 - argparse has no other way to its options
            if isinstance(action.metavar, str) and action.metavar in _COMPLETED:
                action.complete = _COMPLETED[action.metavar]  # type: ignore[attr-defined]  # what shtab looks for
    return top


def files() -> dict[Path, str]:
    """What every file should say."""
    return {
        **{ROOT / "gateway" / "cli" / FOLDER / file: _completion(shell) for shell, file in FILES.items()},
        MANUAL: _manual(),
    }


def _completion(shell: str) -> str:
    return shtab.complete(whole(), shell).rstrip("\n") + "\n"


def _manual() -> str:
    page = Manpage(whole(), _data={"manual_title": "User Commands", "description": SUMMARY, "date": "Wicketgate"})
    return str(page)


def _all_below(parser: ArgumentParser) -> Iterator[ArgumentParser]:
    yield parser
    for action in parser._actions:  # noqa: SLF001 - argparse has no other way to its verbs
        if isinstance(action, _SubParsersAction):
            for each in action.choices.values():
                yield from _all_below(each)


def main() -> int:
    """Write them all."""
    for path, text in files().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
