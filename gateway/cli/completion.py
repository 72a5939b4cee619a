"""`wicketgate completion SHELL`: what makes a shell complete the commands and options of `wicketgate`.

    source <(wicketgate completion bash)

The scripts are kept ready (`python -m tests.deploy.command_line` makes them from the parsers, a test holds them to it),
so that opening a terminal costs the time of reading a file.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.options import parser
from gateway.cli.outcome import OK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.options import Parser

FOLDER: Final = "completions"
"""The folder of the scripts, beside this module."""
FILES: Final = {"bash": "wicketgate.bash", "zsh": "_wicketgate", "fish": "wicketgate.fish"}
"""The script of every shell, under the name by which its shell finds it."""


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("completion", "Print what makes a shell complete the commands and options of this program.")
    options.add_argument("shell", choices=list(FILES), help="which shell")
    return options


def main(argv: Sequence[str]) -> int:
    """Print the script."""
    given = command_line().parse_args(argv)
    sys.stdout.write((Path(__file__).with_name(FOLDER) / FILES[given.shell]).read_text("utf-8"))
    return OK
