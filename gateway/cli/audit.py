"""`wicketgate audit`: read the decisions that were written down.

`tail` shows the newest records and goes on with `--follow`, `grep` finds records by what they say, `show` gives every
record of one decision, `schema` what records may say. Text is for people, JSON is the line of the log.
`gateway.cli.audit_proof` has the verbs about what proves the log.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.lines import line
from gateway.audit.reader import follow, last_records, records, seq_of
from gateway.cli import audit_proof, options
from gateway.cli.outcome import FINDINGS, OK, Unusable, complain

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from gateway.audit.reader import Damage
    from gateway.audit.record import Record

DEFAULT_LOG: Final = Path(".wicketgate/audit")
_PAUSE: Final = 0.25
_VERBS: Final = ("tail", "grep", "show", "schema", "verify", "prove", "verify-proof", "key")
_PROOF: Final = {"verify": audit_proof.verify, "prove": audit_proof.prove, "key": audit_proof.show_key}
_FILTERS: Final = ("verdict", "rule", "host", "client", "reason")


def main(argv: Sequence[str]) -> int:
    """Run `wicketgate audit` with these arguments and return its exit code; 1 if nothing was found."""
    parser = options.parser("audit", "Read the decisions that were written down.")
    add_arguments(parser)
    return run(parser.parse_args(argv))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the verbs with their options."""
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="|".join(_VERBS))
    tail = verbs.add_parser("tail", help="the newest records", allow_abbrev=False)
    tail.add_argument("-n", "--lines", type=_count, default=20, metavar="N", help="how many (default 20)")
    tail.add_argument("-f", "--follow", action="store_true", help="go on with new records as they come")
    grep = verbs.add_parser("grep", help="the records that match every option given", allow_abbrev=False)
    show = verbs.add_parser("show", help="every record of one decision", allow_abbrev=False)
    show.add_argument("id", metavar="ID", help="the decision id, as `Wicketgate-Decision` shows it")
    verbs.add_parser("schema", help="the JSON Schema of the records", allow_abbrev=False)
    for verb in (tail, grep):
        verb.add_argument("--verdict", choices=("allow", "deny"))
        verb.add_argument("--rule", metavar="ID", help="the rule, guardrail or limit that decided")
        verb.add_argument("--host", metavar="NAME", help="the host, or one below it")
        verb.add_argument("--client", metavar="ADDRESS", help="the address of the client")
        verb.add_argument("--reason", metavar="WORD", help="the reason, like `rule-deny`")
    for verb in (tail, grep, show):
        verb.add_argument("--log", type=Path, default=DEFAULT_LOG, metavar="DIR", help=f"default {DEFAULT_LOG}")
        verb.add_argument("--format", choices=("text", "json"), default="text")
    audit_proof.add_arguments(verbs, DEFAULT_LOG)


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Raises Unusable if there is no log."""
    if arguments.verb == "schema":
        return _print_schema()
    if arguments.verb == "verify-proof":
        return audit_proof.verify_proof(arguments)
    if not arguments.log.is_dir():
        by = "" if arguments.verb == "verify" else " with `--log`"
        raise Unusable(f"audit: there is no log in `{arguments.log}`, name its folder{by}")
    if arguments.verb in _PROOF:
        return _PROOF[arguments.verb](arguments)
    verbs: dict[str, Callable[[argparse.Namespace], Iterable[Record]]] = {"tail": _tail, "grep": _grep, "show": _show}
    colour = sys.stdout.isatty() and not os.environ.get("NO_COLOR")
    found = False
    for record in verbs[arguments.verb](arguments):
        print(_as_json(record) if arguments.format == "json" else line(record, colour=colour), flush=True)
        found = True
    return OK if found or arguments.verb == "tail" else FINDINGS


def _print_schema() -> int:
    from gateway.audit.schema import record_schema

    print(json.dumps(record_schema(), indent=2))
    return OK


def _tail(arguments: argparse.Namespace) -> Iterator[Record]:
    wanted = _wanted(arguments)
    newest = last_records(arguments.log, arguments.lines if wanted is _everything else sys.maxsize)
    shown = list(filter(wanted, newest))
    yield from shown[max(0, len(shown) - arguments.lines) :]
    if arguments.follow:
        after = seq_of(newest[-1]) if newest else 0
        yield from filter(wanted, follow(arguments.log, after, _pause))


def _grep(arguments: argparse.Namespace) -> Iterator[Record]:
    return filter(_wanted(arguments), records(arguments.log, on_damage=_complain_of))


def _show(arguments: argparse.Namespace) -> Iterator[Record]:
    wanted = arguments.id.upper()
    if not (wanted.isascii() and wanted.isalnum()):
        raise Unusable(f"`{arguments.id}` is no decision id: it is 26 letters and digits")
    return (record for record in records(arguments.log, holding=wanted) if record.get("id") == wanted)


def _wanted(arguments: argparse.Namespace) -> Callable[[Record], bool]:
    asked = {name: value for name in _FILTERS if (value := getattr(arguments, name)) is not None}
    if not asked:
        return _everything
    if "host" in asked:
        asked["host"] = asked["host"].lower().rstrip(".")

    def matches(record: Record) -> bool:
        return all(_says(record, name, value) for name, value in asked.items())

    return matches


def _everything(_: Record) -> bool:
    return True


def _says(record: Record, name: str, value: str) -> bool:
    match name, record:
        case "host", {"request": {"host": str(host)}}:
            return host == value or host.endswith(f".{value}")
        case "client", {"client": {"ip": ip}}:
            return bool(ip == value)
        case (("verdict" | "rule" | "reason"), {"decision": {**decision}}):
            return bool(decision.get(name) == value)
        case _:
            return False


def _as_json(record: Record) -> str:
    return json.dumps(record, separators=(",", ":"))


def _pause() -> bool:
    time.sleep(_PAUSE)
    return True


def _complain_of(damage: Damage) -> None:
    complain(f"audit: {damage}")


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise argparse.ArgumentTypeError(f"`{text}` is no number of records")
    return int(text)
