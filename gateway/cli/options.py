"""What the verbs that open listeners have in common on the command line."""

from __future__ import annotations

import argparse
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NoReturn, override

from gateway.cli.outcome import WRONG_USAGE

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.settings import Settings

STATE: Final = Path(".wicketgate")
_READY: Final = {"engine": "mitmproxy"}
_STANDARD_OUTPUT: Final = 1
_USUAL_WIDTH: Final = 80
_MOST_WORKERS: Final = 64
_ANNOUNCED: Final = {"engine": {"envoy"}}


class _Lines(argparse.HelpFormatter):
    """The usual form of help, as wide as the terminal.

    argparse makes one for every option that is added, and asks `shutil` for the width, which loads what packs files.
    """

    def __init__(self, prog: str, **more: Any) -> None:
        super().__init__(prog, **{"width": _width() - 2, **more})


def _width() -> int:
    """The columns of the terminal, as `shutil.get_terminal_size` finds them."""
    told = os.environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told) > 0:
        return int(told)
    try:
        return os.get_terminal_size(_STANDARD_OUTPUT).columns or _USUAL_WIDTH
    except OSError:
        return _USUAL_WIDTH


class Parser(argparse.ArgumentParser):
    """A parser that answers wrong usage in one line and in the words of this program."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**{"formatter_class": _Lines, **more})

    @override
    def error(self, message: str) -> NoReturn:
        sys.stderr.write(f"{self.prog}: {message}; `{self.prog} --help` explains it\n")
        raise SystemExit(WRONG_USAGE)


def parser(verb: str, description: str) -> Parser:
    """The parser of one verb. Options are never guessed from their beginnings: what works today works tomorrow."""
    return Parser(prog=f"wicketgate {verb}", description=description, allow_abbrev=False)


def add_state(options: argparse._ActionsContainer) -> None:
    """Add `--state DIR`, the folder of everything that outlives a run."""
    options.add_argument(
        "--state",
        type=Path,
        default=STATE,
        metavar="DIR",
        help="folder of the authority, the audit log and last good copies (default: ./%(default)s)",
    )


def add_log(options: argparse._ActionsContainer) -> None:
    """How the operator is told; what is not given is as the configuration says."""
    options.add_argument(
        "--log-level", choices=("warning", "info", "debug"), help="from where on messages are shown (warning)"
    )
    options.add_argument("--log-format", choices=("text", "json"), help="messages for people or for programs (text)")


def with_log(settings: Settings, given: argparse.Namespace) -> Settings:
    """The settings with what was said of the log on the command line."""
    said = {"level": given.log_level, "format": given.log_format}
    return replace(settings, log=replace(settings.log, **{key: word for key, word in said.items() if word}))


def add_listener(options: argparse.ArgumentParser, listen: str, policy: str) -> None:
    """What one listener needs; `listen` and `policy` are the defaults, the latter the name of a shipped policy."""
    options.add_argument(
        "--listen", default=listen, metavar="ADDRESS:PORT", help="where to listen (default: %(default)s)"
    )
    options.add_argument(
        "--policy", type=Path, metavar="FILE", help=f"what is allowed (default: the shipped policy `{policy}`)"
    )
    add_state(options)
    options.add_argument("--watch", action="store_true", help="print a line per decision")
    add_log(options)
    options.add_argument(
        "--workers", type=_workers, default=1, metavar="N", help="processes that share the work (default: %(default)s)"
    )
    options.add_argument(
        "--engine", type=_only("engine"), default="mitmproxy", metavar="NAME", help="what moves the bytes (mitmproxy)"
    )


def _workers(text: str) -> int:
    if text.isascii() and text.isdigit() and 1 <= int(text) <= _MOST_WORKERS:
        return int(text)
    raise argparse.ArgumentTypeError(f"`{text}` is no number of processes from 1 to {_MOST_WORKERS}")


def _only(option: str) -> Callable[[str], str]:
    """The one value of an option that has an effect now; whoever asks for another must not believe to have got it."""

    def read(text: str) -> str:
        if text == _READY[option]:
            return text
        announced = text in _ANNOUNCED.get(option, ())
        problem = "is not supported yet" if announced else "is unknown"
        raise argparse.ArgumentTypeError(f"`{text}` {problem}, use `{_READY[option]}`")

    return read
