"""`wicketgate list`: which lists hold a name or an address, what lists there are, and having them fetched now.

A running gateway is asked over the socket in its state folder. `--config` and `--policy` ask files in its place.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.cli.options import add_state, parser
from gateway.cli.ordering import NotAtWork, ordered
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, Unusable
from gateway.cli.output import add_format, answer
from gateway.control.channel import Order
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence

    from gateway.cli.options import Parser
    from gateway.policy.names import Host

_FETCHING: Final = 600.0
"""Seconds that fetching all lists may take."""
_DAY: Final = 86_400
_HOUR: Final = 3600
_MINUTE: Final = 60
_KB: Final = 1000


def command_line() -> Parser:
    """What can be said on the command line."""
    options = parser("list", "The lists of policies: who is on them, what they are, and having them fetched.")
    verbs = options.add_subparsers(dest="verb", required=True, metavar="lookup|refresh|stats")
    lookup = verbs.add_parser("lookup", help="which lists hold a name or an address", allow_abbrev=False)
    lookup.add_argument("subject", metavar="NAME|ADDRESS", help="a host, in any spelling, or an address")
    refresh = verbs.add_parser("refresh", help="fetch every list that has a `url` now", allow_abbrev=False)
    stats = verbs.add_parser(
        "stats", help="how much each list holds, from where, and how old it is", allow_abbrev=False
    )
    for verb in (lookup, refresh, stats):
        where = verb.add_mutually_exclusive_group()
        add_state(where)
        where.add_argument(
            "--config", type=Path, metavar="FILE", help="the lists of this configuration, as its files are"
        )
        if verb is not refresh:
            where.add_argument(
                "--policy", type=Path, action="append", metavar="FILE", help="the lists of this policy; may be repeated"
            )
        add_format(verb)
    return options


def main(argv: Sequence[str]) -> int:
    """Answer. Raises Unusable if there is nobody and nothing to ask, or it is of no use."""
    given = command_line().parse_args(argv)
    return {"lookup": _lookup, "refresh": _refresh, "stats": _stats}[given.verb](given)


def _lookup(given: Namespace) -> int:
    """0 found, 1 on no list, 3 on none of those that could be read."""
    subject = _subject(given.subject)
    found = _asked_files(given, subject) or _asked(given.state, Order("lists.lookup", {"subject": subject.text}))
    for each in found["found"]:
        _find_line(each, subject)
    answer(given.format, _held(found), found)
    if found["found"]:
        return OK
    return CANNOT_DECIDE if found.get("problems") else FINDINGS


def _subject(written: str) -> Host:
    from gateway.policy.names import Host

    try:
        return Host.parse(written)
    except Malformed as error:
        raise Unusable(f"it is a name or an address that is looked up: {error}") from None


def _asked_files(given: Namespace, subject: Host | None = None) -> dict[str, Any] | None:
    """What files say; None if none are named."""
    if given.config is None and given.policy is None:
        return None
    from gateway.cli.list_files import found_in, of_configuration, of_policies, told_of

    written = of_policies(given.policy) if given.config is None else of_configuration(given.config)[1]
    return told_of(written) if subject is None else found_in(written, subject)


def _asked(state: Path, order: Order, **other: Any) -> dict[str, Any]:
    """What a running gateway says."""
    try:
        return ordered(state, order, **other)
    except NotAtWork as error:
        raise NotAtWork(f"{error}; `--config` asks the files of a configuration") from None


def _find_line(held: dict[str, Any], subject: Host) -> None:
    """Say at which line the entry stands, unless the file is another one by now."""
    if held["line"] is not None or held["digest"] is None:
        return
    from gateway.control.listing import list_held
    from gateway.lists.looking import line_of
    from gateway.lists.source import Source, UnreadableError

    try:
        source = Source.read(Path(held["file"]))
    except UnreadableError:
        return
    if source.digest == held["digest"]:
        held["line"] = line_of(list_held(held), source.content, held["entry"], subject)


def _held(found: dict[str, Any]) -> Iterator[str]:
    for each in found["found"]:
        where = each["file"] if each["line"] is None else f"{each['file']}:{each['line']}"
        yield f"{each['listener']}: @{each['name']} holds {found['subject']} by its entry {each['entry']}"
        yield f"  at       {where}"
        if each["source"] not in {each["file"], "the policy itself"}:
            yield f"  from     {each['source']}"
        yield f"  used by  {', '.join(each['used_by']) or 'nothing'}"
    yield from found.get("problems", ())
    if not found["found"]:
        count = found["looked_at"]
        yield f"{found['subject']} is on no list; {count} {'was' if count == 1 else 'were'} looked at"


def _stats(given: Namespace) -> int:
    """0, or 1 if a list is stale, is not what its source says, or cannot be used."""
    told = _asked_files(given) or _asked(given.state, Order("lists"))
    answer(given.format, _told(told["lists"]), told)
    return FINDINGS if any(map(_is_unwell, told["lists"])) else OK


def _is_unwell(row: dict[str, Any]) -> bool:
    return bool(row["stale"] or row["fell_back"] or row.get("unfetched") or row["digest"] is None)


def _told(rows: list[dict[str, Any]]) -> Iterator[str]:
    for row in rows:
        digest = "NOTHING IN FORCE" if row["digest"] is None else row["digest"][:19]
        age = "" if row["age"] is None else f", {_span(row['age'])} old{' (STALE)' if row['stale'] else ''}"
        kept = ", THE LAST GOOD COPY" if row["fell_back"] else ""
        kept += ", NOTHING NEWER CAME" if row.get("unfetched") else ""
        yield f"{row['listener']}: @{row['name']} ({row['type']}) from {row['source']}"
        yield f"  {row['entries']:,} entries in {_bytes(row['memory'])}, {digest}{age}{kept}"
        yield f"  used by  {', '.join(row['used_by']) or 'nothing'}"
        yield from (f"  {problem}" for problem in row["problems"])
    if not rows:
        yield "there are no lists"


def _refresh(given: Namespace) -> int:
    """0, or 1 if something did not come, or was not believed."""
    order, written = Order("lists.refresh"), None
    if given.config is not None:
        from gateway.cli.list_files import of_configuration

        given.state, written = of_configuration(given.config)
    try:
        came = _asked(given.state, order, patience=_FETCHING)
    except NotAtWork:
        if written is None:
            raise
        return _checked(given, written)
    answer(given.format, _came(came), came)
    return FINDINGS if came["kept"] or any(each["came"] == "failed" for each in came["fetched"]) else OK


def _checked(given: Namespace, written: Sequence[Any]) -> int:
    """Without a gateway nobody fetches: say what the files of a configuration would be good for."""
    from gateway.cli.list_files import told_of

    told = told_of(written)
    lines = ("no gateway is at work, nothing was fetched; as the files are:", *_told(told["lists"]))
    answer(given.format, lines, {"fetched": [], **told})
    return FINDINGS if any(map(_is_unwell, told["lists"])) else OK


def _came(came: dict[str, Any]) -> Iterator[str]:
    words = {"fetched": "was fetched", "unchanged": "has not changed", "failed": "FAILED, it"}
    for each in came["fetched"]:
        lists = ", ".join(f"{one['listener']}: @{one['name']}" for one in each["lists"])
        yield f"{lists} {words[each['came']]}{' ' if each['why'] else ''}{each['why']}"
        yield f"  from {each['url']}"
    for part in came["parts"]:
        if part["state"] == "kept":
            yield f"{part['what']} {part['listener']} {part['name']}: REFUSED, what was in force stays"
            yield from (f"  {problem}" for problem in part["problems"])
    if not came["fetched"]:
        yield "no list has a `url`: there is nothing to fetch"


def _span(seconds: float) -> str:
    for length, unit in ((_DAY, "d"), (_HOUR, "h"), (_MINUTE, "min")):
        if seconds >= length:
            return f"{seconds // length:.0f} {unit}"
    return f"{seconds:.0f} s"


def _bytes(count: int) -> str:
    return f"{count / _KB / _KB:.1f} MB" if count >= _KB * _KB else f"{count / _KB:.1f} kB"
