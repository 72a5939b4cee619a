"""`wicketgate audit`: read the decisions that were written down.

`tail` shows the newest records and goes on with `--follow`, `grep` finds records by what they say, `show` gives every
record of one decision, `top` and `stats` count, `export` writes records for other programs, `client` says what the log
calls a client that it hides, `schema` says what records may say. Text is for people, JSON for programs.
`gateway.cli.audit_proof` has the verbs about what proves the log.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli import audit_clients, audit_export, audit_filters, audit_numbers, audit_proof, audit_records, options
from gateway.cli.outcome import OK, Unusable
from gateway.cli.output import add_format

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DEFAULT_LOG: Final = Path(".wicketgate/audit")
_WITHOUT_LOG: Final = ("schema", "verify-proof", "client")
_RUN: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "tail": audit_records.tail,
    "grep": audit_records.grep,
    "show": audit_records.show,
    "top": audit_numbers.show_top,
    "stats": audit_numbers.stats,
    "export": audit_export.export,
    "client": audit_clients.client,
    "schema": lambda _: _print_schema(),
    "verify": audit_proof.verify,
    "prove": audit_proof.prove,
    "verify-proof": audit_proof.verify_proof,
    "key": audit_proof.show_key,
}


def command_line() -> options.Parser:
    """What can be said on the command line."""
    parser = options.parser("audit", "Read the decisions that were written down.")
    add_arguments(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `wicketgate audit` with these arguments and return its exit code; 1 if nothing was found."""
    return run(command_line().parse_args(argv))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs with their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(_RUN))
    tail = verbs.add_parser("tail", help="the newest records", allow_abbrev=False)
    tail.add_argument("-n", "--lines", type=_count, default=20, metavar="N", help="how many (default 20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with new records as they come")
    grep = verbs.add_parser("grep", help="the records that match every option given", allow_abbrev=False)
    show = verbs.add_parser("show", help="every record of one decision", allow_abbrev=False)
    show.add_argument("id", metavar="ID", help="the decision id, as `Wicketgate-Decision` shows it")
    top = verbs.add_parser("top", help="what was blocked or allowed most", allow_abbrev=False)
    stats = verbs.add_parser("stats", help="counts, bytes and times", allow_abbrev=False)
    export = verbs.add_parser("export", help="records for other programs", allow_abbrev=False)
    client = verbs.add_parser("client", help="what the log calls a client that it hides", allow_abbrev=False)
    audit_clients.add_arguments(client)
    verbs.add_parser("schema", help="the JSON Schema of the records", allow_abbrev=False)
    for verb in (tail, grep):
        audit_filters.add_filters(verb)
    audit_numbers.add_top(top)
    audit_numbers.add_stats(stats)
    audit_export.add_export(export)
    for verb in (tail, grep, show, top, stats, export, client):
        verb.add_argument("--log", type=Path, default=DEFAULT_LOG, metavar="DIR", help=f"default {DEFAULT_LOG}")
    for verb in (tail, grep, show, top, stats):
        add_format(verb)
    audit_proof.add_arguments(verbs, DEFAULT_LOG)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Raises Unusable if there is no log."""
    from_file = getattr(arguments, "parquet", None) is not None
    if arguments.verb not in _WITHOUT_LOG and not from_file and not arguments.log.is_dir():
        by = "" if arguments.verb == "verify" else " with `--log`"
        raise Unusable(f"audit: there is no log in `{arguments.log}`, name its folder{by}")
    return _RUN[arguments.verb](arguments)


def _print_schema() -> int:
    from gateway.audit.records.schema import record_schema

    print(json.dumps(record_schema(), indent=2))
    return OK


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of records")
    return int(text)
