"""`wicketgate reload`: have a running gateway read everything again, and hear what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import ordered
from gateway.cli.outcome import FINDINGS, OK
from gateway.cli.output import add_format, answer
from gateway.control.channel import Order

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from gateway.cli.options import Parser


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("reload", "Have a running gateway read policies, lists, routes and certificates again.")
    add_state(options)
    add_format(options)
    return options


def main(argv: Sequence[str]) -> int:
    """Reload; 1 if something was refused, and what was in force stays. Raises Unusable if no gateway is at work."""
    given = command_line().parse_args(argv)
    came = ordered(given.state, Order("reload"))
    answer(given.format, _lines(came), came)
    return FINDINGS if came["kept"] else OK


def _lines(came: dict[str, Any]) -> Iterator[str]:
    for part in came.get("parts", ()):
        about = " ".join(str(part[key]) for key in ("listener", "name") if part.get(key))
        loaded = "loaded" if part["state"] == "loaded" else "REFUSED, what was in force stays"
        yield f"{part['what']}{f' {about}' if about else ''}: {loaded}"
        yield from (f"  {each}" for each in (*part["problems"], *part["notices"]))
    if came["kept"]:
        yield f"{came['kept']} of it was refused"
    else:
        yield "everything is in force as the files say now"
