"""`wicketgate audit top | stats`: what the log says in numbers."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.counting import PATHS, top
from gateway.audit.reading.figures import PERIODS, figures
from gateway.audit.reading.filters import Filter
from gateway.audit.records.lines import printable
from gateway.cli.audit_filters import add_filters, filter_of
from gateway.cli.audit_walk import Walk
from gateway.cli.outcome import FINDINGS, OK, Unusable
from gateway.cli.output import answer

if TYPE_CHECKING:
    import argparse
    from collections import Counter
    from collections.abc import Iterator, Mapping

    from gateway.audit.reading.counting import Top
    from gateway.audit.reading.figures import Figures

_VERDICTS: Final[Mapping[str, str | None]] = {"blocked": "deny", "allowed": "allow", "all": None}
_EXTRA: Final = "it needs the extra `duckdb`: `pip install 'wicketgate[duckdb]'`"


def add_top(verb: argparse.ArgumentParser) -> None:
    """The options of `top`."""
    verb.add_argument("what", choices=tuple(_VERDICTS), help="which decisions")
    verb.add_argument(
        "--by", choices=tuple(PATHS), default="host", help="what they are counted by (default %(default)s)"
    )
    verb.add_argument("-n", "--rows", type=int, default=20, metavar="N", help="how many rows (default 20, 0 for all)")
    from_file = "count in a file that `audit export --as parquet` wrote, in place of the log"
    verb.add_argument("--parquet", type=Path, metavar="FILE", help=from_file)
    add_filters(verb, verdict=False, event=False)


def add_stats(verb: argparse.ArgumentParser) -> None:
    """The options of `stats`."""
    verb.add_argument(
        "--per", choices=tuple(PERIODS), default="day", help="the rows of the table (default %(default)s)"
    )
    add_filters(verb)


def show_top(arguments: argparse.Namespace) -> int:
    """Show the most frequent hosts, clients ... among decisions; 1 if there is no decision to count."""
    wanted = replace(filter_of(arguments, time.time()), verdict=_VERDICTS[arguments.what])
    if arguments.parquet is not None:
        found = _in_file(arguments, wanted)
        _answer_top(found, arguments)
        return OK if found.counted else FINDINGS
    walk = Walk(arguments.log, wanted)
    found = top(walk.scan, arguments.by, arguments.rows)
    _answer_top(found, arguments)
    return walk.code(found=found.counted > 0)


def _in_file(arguments: argparse.Namespace, wanted: Filter) -> Top:
    from gateway.audit.reading.duck import NoDuckDB, NotATable
    from gateway.audit.reading.duck import top as count

    try:
        return count(arguments.parquet, wanted, arguments.by, arguments.rows)
    except NoDuckDB:
        raise Unusable(f"--parquet: {_EXTRA}") from None
    except NotATable as error:
        raise Unusable(f"--parquet: `{arguments.parquet}` cannot be asked: {printable(str(error))}") from None


def _answer_top(found: Top, arguments: argparse.Namespace) -> None:
    data = {
        "by": arguments.by,
        "counted": found.counted,
        "values": found.values,
        "denied_later": found.later,
        "rows": [{"value": row.value, "count": row.count, "last": row.last} for row in found.rows],
    }
    answer(arguments.format, _top_lines(found, arguments.by), data)


def _top_lines(found: Top, by: str) -> Iterator[str]:
    width = max((len(_shown(row.value)) for row in found.rows), default=0)
    counts = max((len(str(row.count)) for row in found.rows), default=0)
    for row in found.rows:
        yield f"{row.count:>{counts}}  {_shown(row.value):<{width}}  last {printable(row.last)}"
    more = f", {found.values - len(found.rows)} more not shown" if found.values > len(found.rows) else ""
    yield f"{_many(found.counted, 'decision')}, {_many(found.values, by)}{more}"
    if found.later:
        yield f"{found.later} were denied later, after they were let through: `audit grep --event end --verdict deny`"


def _many(count: int, name: str) -> str:
    return f"{count} {name}" + ("" if count == 1 else "es" if name.endswith("s") else "s")


def _shown(value: str | None) -> str:
    return "-" if value is None else printable(value)


def stats(arguments: argparse.Namespace) -> int:
    """Show counts, bytes and times; 1 if there is no record to count."""
    wanted = filter_of(arguments, time.time())
    walk = Walk(arguments.log, Filter(since=wanted.since, until=wanted.until))
    found = figures(walk.scan, wanted, arguments.per)
    answer(arguments.format, _stats_lines(found), _stats_data(found))
    return walk.code(found=bool(found.events))


def _stats_lines(found: Figures) -> Iterator[str]:
    if found.first is None:
        yield "no records"
        return
    yield f"first     {found.first}"
    yield f"last      {found.last}"
    for name, counter in (("records", found.events), ("verdicts", found.verdicts), ("reasons", found.reasons)):
        yield from _counted(name, counter)
    yield from _counted("answers", found.statuses)
    yield f"bytes     {found.up} up, {found.down} down"
    if (median := found.percentile(0.5)) is not None:
        yield f"seconds   p50 {median:.6g}, p99 {found.percentile(0.99):.6g}, of {found.ended} exchanges"
    for period, verdicts in sorted(found.periods.items()):
        yield f"{period:<13}  {verdicts['allow']:>9} allowed  {verdicts['deny']:>9} denied"


def _counted(name: str, counter: Counter[str]) -> Iterator[str]:
    if counter:
        rows = ", ".join(f"{value} {count}" for value, count in counter.most_common())
        yield f"{name:<9} {printable(rows)}"


def _stats_data(found: Figures) -> dict[str, Any]:
    return {
        "first": found.first,
        "last": found.last,
        "records": dict(found.events),
        "verdicts": dict(found.verdicts),
        "reasons": dict(found.reasons),
        "statuses": dict(found.statuses),
        "bytes": {"up": found.up, "down": found.down},
        "seconds": {"p50": found.percentile(0.5), "p99": found.percentile(0.99), "exchanges": found.ended},
        "periods": {period: dict(verdicts) for period, verdicts in sorted(found.periods.items())},
    }
