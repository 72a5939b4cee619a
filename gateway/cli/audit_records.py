"""`wicketgate audit tail | grep | show`: records one by one, as lines for people or as the lines of the log."""

from __future__ import annotations

import json
import os
import sys
import time
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.finding import matching, newest
from gateway.audit.reading.reader import follow, last_records, seq_of
from gateway.audit.reading.refusals import of_decision
from gateway.audit.reading.telling import told
from gateway.audit.records.lines import line
from gateway.cli.audit_filters import filter_of
from gateway.cli.audit_walk import Walk
from gateway.cli.outcome import OK, Unusable

if TYPE_CHECKING:
    import argparse

    from gateway.audit.records.record import Record

_PAUSE: Final = 0.25


def tail(arguments: argparse.Namespace) -> int:
    """Show the newest records that match, and go on if that is asked for."""
    wanted = filter_of(arguments, time.time())
    last = last_number(arguments)
    walk = Walk(arguments.log, wanted, quiet=True)
    for record in newest(arguments.log, wanted, arguments.lines, walk.tell):
        if seq_of(record) <= last or not arguments.follow:
            _show(record, arguments.format)
    if arguments.follow:
        matches = wanted.matcher()
        for record in filter(matches, follow(arguments.log, last, _pause, walk.tell)):
            _show(record, arguments.format, flush=True)
    return OK


def last_number(arguments: argparse.Namespace) -> int:
    """The number of the newest record: following begins behind it."""
    last = last_records(arguments.log, 1) if arguments.follow else []
    return seq_of(last[0]) if last else 0


def grep(arguments: argparse.Namespace) -> int:
    """Show every record that matches, oldest first."""
    walk = Walk(arguments.log, filter_of(arguments, time.time()), quiet=sys.stdout.isatty())
    found = False
    for raw, record in matching(walk.scan):
        found = True
        if arguments.format == "json":
            sys.stdout.write(f"{raw.decode('ascii', 'backslashreplace')}\n")
        else:
            _show(record, arguments.format)
    return walk.code(found=found)


def show(arguments: argparse.Namespace) -> int:
    """Show every record of one decision, and what it says besides its line."""
    walk = Walk(arguments.log, of_decision(identifier(arguments.id)))
    found = [record for _, record in matching(walk.scan)]
    for record in found:
        _show(record, arguments.format)
        if arguments.format == "text":
            sys.stdout.writelines(f"  {each}\n" for each in told(record))
    return walk.code(found=bool(found))


def identifier(text: str) -> str:
    """A decision id as the log writes it. Raises Unusable."""
    wanted = text.upper()
    if not (wanted.isascii() and wanted.isalnum()):
        raise Unusable(f"`{text}` is no decision id: it is 26 letters and digits")
    return wanted


def _show(record: Record, form: str, *, flush: bool = False) -> None:
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    text = json.dumps(record, separators=(",", ":")) if form == "json" else line(record, colour=colour)
    print(text, flush=flush)


def _pause() -> bool:
    time.sleep(_PAUSE)
    return True
