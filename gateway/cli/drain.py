"""`wicketgate drain`: have a running gateway finish what it has, and stop."""

from __future__ import annotations

import argparse
import select
import sys
import time
from typing import TYPE_CHECKING, Final

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import ordered, process_of
from gateway.cli.outcome import FINDINGS, OK, Unusable
from gateway.control.channel import Order

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from gateway.cli.options import Parser

_MOST: Final = 3600.0
_ASK_EVERY: Final = 0.1
_SETTLE: Final = 15.0
"""Seconds beyond the time of its exchanges in which a gateway must have ended."""


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("drain", "Have a running gateway be ready no more, let its exchanges end, and stop.")
    add_state(options)
    options.add_argument(
        "--timeout", type=_seconds, default=10.0, metavar="SECONDS", help="how long exchanges get (%(default)s)"
    )
    return options


def main(argv: Sequence[str]) -> int:
    """Drain and wait until it has stopped; 1 if it has not in time. Raises Unusable if no gateway is at work there."""
    given = command_line().parse_args(argv)
    with process_of(given.state) as process:
        told = ordered(given.state, Order("drain", {"seconds": f"{given.timeout:g}"}))
        sys.stdout.write(f"draining: {told['connections']} connections, at most {given.timeout:g} s\n")
        sys.stdout.flush()
        most = given.timeout + _SETTLE
        if _is_silent(given.state, most) if process is None else _has_ended(process, most):
            sys.stdout.write("the gateway has stopped\n")
            return OK
    sys.stderr.write("the gateway has not stopped in time, end its process\n")
    return FINDINGS


def _has_ended(process: int, seconds: float) -> bool:
    """Whether a process ends in so many seconds."""
    waiting = select.poll()
    waiting.register(process, select.POLLIN)
    return bool(waiting.poll(seconds * 1000))


def _is_silent(state: Path, seconds: float) -> bool:
    """Whether nobody answers any more in so many seconds, where nothing else can be known."""
    give_up = time.monotonic() + seconds
    while time.monotonic() < give_up:
        try:
            ordered(state, Order("status"))
        except Unusable:
            return True
        time.sleep(_ASK_EVERY)
    return False


def _seconds(text: str) -> float:
    """As `30` or `30s`."""
    try:
        seconds = float(text.removesuffix("s"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST:
        raise argparse.ArgumentTypeError(f"`{text}` is no number of seconds from 0 to {_MOST:g}")
    return seconds
