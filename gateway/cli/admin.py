"""`wicketgate admin`: the token of the admin side, shown or replaced by another one."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from gateway.cli.options import add_state, parser
from gateway.cli.outcome import OK, Unusable

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.cli.options import Parser


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("admin", "The token that opens the admin API and its pages: show it, or make another one.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="token|rotate")
    token = verbs.add_parser("token", help="print the token", allow_abbrev=False)
    rotate = verbs.add_parser("rotate", help="make another token; the old one opens nothing from then on")
    for verb in (token, rotate):
        add_state(verb)
        verb.add_argument("--metrics", action="store_true", help="the token that only reads metrics")
    return options


def main(argv: Sequence[str]) -> int:
    """Show the token, or rotate it. Raises Unusable if there is none that can be used."""
    given = command_line().parse_args(argv)
    from gateway.admin import token as tokens
    from gateway.policy.errors import Malformed

    name = tokens.METRICS if given.metrics else tokens.ADMIN
    if not given.state.is_dir():
        raise Unusable(f"`{given.state}` is no folder, name the state folder of the gateway with `--state`")
    try:
        if given.verb == "rotate":
            tokens.rotate(given.state, name)
            sys.stdout.write(f"another token is in `{given.state / name}`; the old one opens nothing any more\n")
        else:
            sys.stdout.write(f"{tokens.read(given.state, name).decode()}\n")
    except Malformed as problem:
        raise Unusable(str(problem)) from None
    return OK
