"""`wicketgate why`: from somebody's complaint to the rule and the line that refused it, and to the way out.

It looks for the last refusals in the audit log, says who decided, where that stands and what would have to change, and
asks the policy what it would say today.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from gateway.audit.reading.advice import Advice, advice
from gateway.audit.reading.filters import Filter
from gateway.audit.reading.refusals import Refusal, exchange, refusals
from gateway.audit.reading.telling import part, told
from gateway.audit.records.ids import decode
from gateway.audit.records.lines import line, printable
from gateway.cli import options
from gateway.cli.audit_filters import client_of, host_of
from gateway.cli.audit_walk import Walk
from gateway.cli.outcome import Unusable, complain
from gateway.cli.output import add_format, answer
from gateway.cli.why_now import Now, ask_again, left_out
from gateway.policy.model import FactName

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

MOST: Final = 3
"""Refusals that are looked at; the newest of them is explained."""


def command_line() -> options.Parser:
    """What can be said on the command line."""
    parser = options.parser("why", "Why was it refused, and what would have to change?")
    parser.add_argument("what", metavar="HOST|ID|URL", help="a host, a decision id, or an address")
    parser.add_argument("--client", metavar="ADDRESS", help="only what this client or network asked for")
    parser.add_argument(
        "--policy", type=Path, metavar="FILE", help="the policy to ask (default: the one of the listener)"
    )
    where = "where the host leads: every address (default: what the log knows)"
    parser.add_argument("--destination", action="append", metavar="ADDRESS", help=f"{where}; may be repeated")
    options.add_state(parser)
    add_format(parser)
    return parser


def main(argv: Sequence[str]) -> int:
    """Run `wicketgate why` and return its exit code: 0 explained, 1 nothing of the kind is on record."""
    return run(command_line().parse_args(argv))


def run(arguments: argparse.Namespace) -> int:
    """Do what the arguments say. Raises Unusable if there is no log."""
    log = arguments.state / "audit"
    if not log.is_dir():
        raise Unusable(f"why: there is no log in `{log}`, name the folder of the gateway with `--state`")
    walk = Walk(log, Filter())
    found = _found(arguments, log, walk)
    if not found:
        what = f"`{printable(arguments.what)}`" + (f" for `{arguments.client}`" if arguments.client else "")
        complain(f"why: no refusal of {what} is on record in `{log}`")
        return walk.code(found=False)
    _explain(found, arguments, log)
    return walk.code(found=True)


def _found(arguments: argparse.Namespace, log: Path, walk: Walk) -> list[Refusal]:
    client = None if arguments.client is None else client_of(arguments.client)
    what = arguments.what
    if decode(what.upper()) is not None:
        one = exchange(log, what.upper(), walk.tell)
        return [] if one is None else [one]
    if "://" not in what:
        return refusals(log, Filter(host=host_of(what.partition("/")[0]), client=client), MOST, walk.tell)
    try:
        parts = urlsplit(what)
        host = host_of(parts.hostname or "")
    except ValueError:
        raise Unusable(f"why: `{printable(what)}` is no address") from None
    exact = refusals(log, Filter(host=host, path=parts.path or "/", client=client), MOST, walk.tell)
    return exact or refusals(log, Filter(host=host, client=client), MOST)


def _explain(found: list[Refusal], arguments: argparse.Namespace, log: Path) -> None:
    """Explain the newest of some refusals, and name the others."""
    now = time.time()
    first, *others = found
    again = ask_again(first.record, log, arguments.policy, now, arguments.destination or ())
    way_out = advice(first, _waives(first, again), now) if first.denied else None
    lines = [*_what_was(first), *_way_out(way_out), *_now(again, first)]
    if others:
        lines += ["", "before that", *(f"  {line(each.record)}" for each in others)]
    answer(arguments.format, lines, _data(found, way_out, again))


def _waives(refusal: Refusal, now: Now) -> list[str]:
    """The deny rules that matched: an exception has to lift all of them to be of use."""
    decision = part(refusal.end or refusal.record, "decision")
    decided = str(decision.get("rule"))
    if now.policy is None:
        return [decided]
    known = [now.policy.rules.get(str(each)) for each in decision.get("matched") or ()]
    denies = [rule.id for rule in known if rule is not None and not (rule.allows or rule.guardrail or rule.shadow)]
    return denies or [decided]


def _what_was(refusal: Refusal) -> Iterator[str]:
    yield line(refusal.record, colour=False)
    yield from (f"  {each}" for each in told(refusal.record))
    if refusal.end is not None:
        yield "refused later:"
        yield line(refusal.end, colour=False)
    yield f"  decision {refusal.record.get('id')}"
    if not refusal.denied:
        yield "  it was not refused"


def _way_out(way_out: Advice | None) -> Iterator[str]:
    if way_out is None:
        return
    yield ""
    yield "what would have to change"
    yield f"  {printable(way_out.words)}"
    if way_out.yaml:
        yield ""
        yield from (f"    {printable(each)}" for each in way_out.yaml)


def _now(again: Now, refusal: Refusal) -> Iterator[str]:
    yield ""
    if again.problem is not None:
        yield f"what the policy says now cannot be told: {printable(again.problem)}"
        return
    yield f"what {again.file} says now"
    yield from (f"  {printable(each)}" for each in again.lines)
    if FactName.DESTINATION_IP in ((again.data or {}).get("unknown") or ()):
        yield "  say where the host leads with `--destination ADDRESS`"
    yield f"  (asked without {', '.join(left_out(refusal.record))})"


def _data(found: list[Refusal], way_out: Advice | None, again: Now) -> dict[str, Any]:
    first = found[0]
    return {
        "record": first.record,
        "end": first.end,
        "refused": first.denied,
        "reason": first.reason,
        "advice": None if way_out is None else {"words": way_out.words, "yaml": "\n".join(way_out.yaml) or None},
        "now": {"policy": again.file, "decision": again.data, "why": list(again.lines), "problem": again.problem},
        "before": [each.record for each in found[1:]],
    }
