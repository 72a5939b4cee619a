"""`wicketgate admin`: the token of the admin side, shown or replaced by another one; a link that signs in once."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.options import add_state, parser
from gateway.cli.outcome import OK, Unusable

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.cli.options import Parser

USUAL: Final = "http://127.0.0.1:8090"


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("admin", "What opens the admin API and the dashboard: the token, another one, a link.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="token|rotate|link")
    token = verbs.add_parser("token", help="print the token", allow_abbrev=False)
    rotate = verbs.add_parser("rotate", help="make another token; the old one opens nothing from then on")
    for verb in (token, rotate):
        add_state(verb)
        verb.add_argument("--metrics", action="store_true", help="the token that only reads metrics")
    link = verbs.add_parser("link", help="print a link that signs a browser in once, soon", allow_abbrev=False)
    add_state(link)
    link.add_argument("--at", default=USUAL, metavar="URL", help="where browsers find the pages (%(default)s)")
    return options


def main(argv: Sequence[str]) -> int:
    """Show the token, rotate it, or make a link. Raises Unusable if there is none that can be used."""
    given = command_line().parse_args(argv)
    from gateway.admin import token as tokens
    from gateway.policy.errors import Malformed

    if not given.state.is_dir():
        raise Unusable(f"`{given.state}` is no folder, name the state folder of the gateway with `--state`")
    if given.verb == "link":
        return _link(given)
    name = tokens.METRICS if given.metrics else tokens.ADMIN
    try:
        if given.verb == "rotate":
            tokens.rotate(given.state, name)
            _take_back(given.state)
            sys.stdout.write(f"another token is in `{given.state / name}`; the old one opens nothing any more\n")
        else:
            sys.stdout.write(f"{tokens.read(given.state, name).decode()}\n")
    except Malformed as problem:
        raise Unusable(str(problem)) from None
    return OK


def _link(given: Namespace) -> int:
    from gateway.admin.invitation import invite, link

    url = given.at.rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise Unusable(f"`{given.at}` is no address of an admin side, say `--at {USUAL}`")
    try:
        sys.stdout.write(f"{link(url, invite(given.state))}\n")
    except OSError as error:
        raise Unusable(f"no link can be made in `{given.state}`: {(error.strerror or str(error)).lower()}") from None
    return OK


def _take_back(state: Path) -> None:
    """A link that nobody has used yet goes with the token."""
    from gateway.admin.invitation import NAME

    (state / NAME).unlink(missing_ok=True)
