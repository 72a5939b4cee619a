"""`wicketgate cache`: what a running gateway keeps, and dropping it.

The order goes over the socket in the state folder of the gateway: only its user and root can open it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import ordered
from gateway.cli.outcome import OK
from gateway.cli.output import add_format, answer
from gateway.control.channel import Order

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from gateway.cli.options import Parser


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("cache", "The kept answers of a running gateway: what there is, and dropping it.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="purge|stats")
    purge = verbs.add_parser("purge", help="drop kept answers, from memory and from disk", allow_abbrev=False)
    scope = purge.add_mutually_exclusive_group(required=True)
    scope.add_argument("--url", metavar="URL", help="of this URL alone")
    scope.add_argument("--prefix", metavar="URL", help="of every URL that begins so")
    scope.add_argument("--host", metavar="HOST", help="of this host, on any port")
    scope.add_argument("--all", action="store_const", const="", help="all of them")
    stats = verbs.add_parser("stats", help="what every route keeps", allow_abbrev=False)
    for verb in (purge, stats):
        add_state(verb)
        add_format(verb)
    return options


def main(argv: Sequence[str]) -> int:
    """Purge, or say what is kept. Raises Unusable if no gateway is there, or it refuses."""
    given = command_line().parse_args(argv)
    done = ordered(given.state, _order(given))
    answer(given.format, _purged(done) if given.verb == "purge" else _stock(done), done)
    return OK


def _order(given: Namespace) -> Order:
    if given.verb == "stats":
        return Order("cache.stats")
    scopes = {name: getattr(given, name) for name in ("url", "prefix", "host", "all")}
    return Order("cache.purge", {name: value for name, value in scopes.items() if value is not None})


def _purged(done: dict[str, Any]) -> Iterator[str]:
    count = done["answers"]
    yield f"{count} {'answer was' if count == 1 else 'answers were'} dropped"


def _stock(done: dict[str, Any]) -> Iterator[str]:
    if not done["caches"]:
        yield "nothing was asked of a route that keeps answers yet, or there is none"
    for each in done["caches"]:
        disk = f", {each['disk']} bytes in {each['files']} files on disk" if each["files"] else ""
        yield f"{each['listener']}: {each['memory']} bytes in memory{disk}"
