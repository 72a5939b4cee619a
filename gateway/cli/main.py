"""The `wicketgate` command: find the verb, hand over its arguments, and let nothing but plain words out.

Every verb is a module with `main(argv) -> int`. It is imported when its verb is used, so that help and the verbs that
only read a file start at once, and none of them pays for the engine of another.
"""

from __future__ import annotations

import gc
import importlib
import os
import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.outcome import CANNOT_DECIDE, INTERRUPTED, OK, WRONG_USAGE, Unusable, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

VERBS: Final = {
    "run": "run all listeners of a configuration; without one, a quick start to play with",
    "forward": "run one forward proxy",
    "reverse": "run one reverse gateway in front of the servers named",
    "policy": "check, test and explain policies; print their schema",
    "list": "say which lists hold a name or an address, and what they are; fetch them now",
    "why": "say why something was refused, and what would have to change",
    "audit": "read the decisions that were written down, and prove them",
    "status": "say what a running gateway does, and whether it is well",
    "reload": "have a running gateway read its policies, lists and certificates again",
    "drain": "have a running gateway finish what it has, and stop",
    "admin": "show the token of the admin side, or make another one",
    "cache": "drop kept answers of a running gateway; say what it keeps",
    "metrics": "print the metrics of a running gateway, as Prometheus reads them",
    "ca": "show, make, export, rotate or import the certificate authority of the forward proxy",
    "completion": "print what makes a shell complete commands and options",
}
"""The verbs in the order of the help, each with its line. The module of a verb has the verb's name."""

_YOUNG: Final = 50_000
"""Objects between two collections: what a command makes while it starts, it keeps until it ends."""

DEBUG_VARIABLE: Final = "WICKETGATE_DEBUG"
"""Set in the environment, it adds the traceback to the report of an internal error."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 findings, 2 wrong usage or input, 3 cannot decide."""
    gc.set_threshold(_YOUNG)
    try:
        code = _dispatch(list(sys.argv[1:] if argv is None else argv))
        sys.stdout.flush()
    except Unusable as error:
        return complain(*error.problems, form=error.form)
    except KeyboardInterrupt:
        return INTERRUPTED
    except BrokenPipeError:
        return _reader_has_left()
    except OSError as error:
        return complain(f"wicketgate: {_sentence(error)}")
    except Exception as error:  # noqa: BLE001 - the last resort: a person must never be shown a traceback unasked
        return _report(error)
    return code


def usage() -> str:
    """The text of `wicketgate --help`."""
    width = max(map(len, VERBS)) + 2
    lines = "\n".join(f"  {verb:<{width}}{line}" for verb, line in VERBS.items())
    return (
        "usage: wicketgate [--help] [--version] COMMAND ...\n\n"
        "One policy says who may reach what; it is enforced on every request, and every decision is written down.\n\n"
        f"commands:\n{lines}\n\n"
        "`wicketgate COMMAND --help` explains a command.\n"
        "Exit codes: 0 fine, 1 findings, 2 wrong usage or unreadable input, 3 cannot decide.\n"
    )


def _dispatch(argv: list[str]) -> int:
    if not argv:
        sys.stderr.write(usage())
        return WRONG_USAGE
    verb, *rest = argv
    if verb in {"-h", "--help", "help"}:
        sys.stdout.write(usage())
        return OK
    if verb in {"-V", "--version"}:
        sys.stdout.write(f"wicketgate {_version()}\n")
        return OK
    if verb not in VERBS:
        return complain(f"wicketgate: {_unknown(verb)}")
    run: Callable[[Sequence[str]], int] = importlib.import_module(f"gateway.cli.{verb}").main
    return _exit_code(run, rest)


def _exit_code(run: Callable[[Sequence[str]], int], argv: list[str]) -> int:
    """The code of a verb, whether it returns it or argparse leaves with it."""
    try:
        return run(argv)
    except SystemExit as left:
        return left.code if isinstance(left.code, int) else OK


def _version() -> str:
    from importlib.metadata import version

    return version("wicketgate")


def _unknown(verb: str) -> str:
    from difflib import get_close_matches

    kind, known = ("option", ["--help", "--version"]) if verb.startswith("-") else ("command", list(VERBS))
    near = get_close_matches(verb, known, n=1)
    way_out = f"did you mean `{near[0]}`?" if near else "`wicketgate --help` lists them"
    return f"unknown {kind} `{verb}`, {way_out}"


def _sentence(error: OSError) -> str:
    words = (error.strerror or str(error)).lower()
    return f"`{error.filename}`: {words}" if error.filename is not None else words


def _reader_has_left() -> int:
    """End quietly when the reader of a pipe has seen enough; what is still buffered must not be flushed at exit."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())
    return OK


def _report(error: Exception) -> int:
    import traceback

    if os.environ.get(DEBUG_VARIABLE):
        traceback.print_exception(error)
    last = [frame for frame in traceback.extract_tb(error.__traceback__) if not frame.filename.startswith("<")][-1]
    place = f"{os.path.basename(os.path.dirname(last.filename))}/{os.path.basename(last.filename)}:{last.lineno}"  # noqa: PTH119, PTH120 - pathlib would be imported for a name
    sys.stderr.write(
        f"wicketgate: internal error: {str(error) or 'no details'} (in {place}). This is a fault of wicketgate, "
        f"please report it; with {DEBUG_VARIABLE}=1 in the environment, the same command prints what a report needs.\n"
    )
    return CANNOT_DECIDE
