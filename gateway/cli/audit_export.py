"""`wicketgate audit export`: records for other programs, as they are, as a table, or in the words of others."""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.finding import matching
from gateway.audit.reading.tables import csv_lines
from gateway.cli.audit_filters import add_filters, filter_of
from gateway.cli.audit_walk import Walk
from gateway.cli.outcome import Unusable, complain

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterable, Iterator
    from typing import TextIO

    from gateway.audit.mappings.parts import NotMapped, Producer
    from gateway.audit.records.record import Record

    type Mapped = dict[str, Any] | str | NotMapped

FORMS: Final = ("jsonl", "csv", "parquet", "ocsf", "ecs", "cef", "otel")
_PRIVATE: Final = 0o600


def add_export(verb: argparse.ArgumentParser) -> None:
    """The options of `export`."""
    words = "jsonl: the lines of the log; csv, parquet: a table; the others: the words of OCSF, ECS, CEF, OpenTelemetry"
    verb.add_argument("--as", dest="form", choices=FORMS, default="jsonl", help=f"{words} (default %(default)s)")
    verb.add_argument("--out", type=Path, metavar="FILE", help="where to write it (default: standard output)")
    add_filters(verb)


def export(arguments: argparse.Namespace) -> int:
    """Write every record that matches; 1 if none does."""
    walk = Walk(arguments.log, filter_of(arguments, time.time()), quiet=arguments.out is None and sys.stdout.isatty())
    counted = _Counted(matching(walk.scan))
    if arguments.form == "parquet":
        _to_parquet(counted, arguments.out)
    else:
        with _opened(arguments.out) as out:
            out.writelines(_lines(counted, arguments.form))
    return walk.code(found=counted.count > 0)


class _Counted:
    """Passes lines and records on and counts them."""

    def __init__(self, found: Iterable[tuple[bytes, Record]]) -> None:
        self._found = found
        self.count = 0

    def __iter__(self) -> Iterator[tuple[bytes, Record]]:
        for each in self._found:
            self.count += 1
            yield each

    def records(self) -> Iterator[Record]:
        return (record for _, record in self)


def _lines(found: _Counted, form: str) -> Iterator[str]:
    if form == "jsonl":
        return (f"{line.decode('ascii', 'backslashreplace')}\n" for line, _ in found)
    if form == "csv":
        return csv_lines(found.records())
    return _mapped(found.records(), form)


def _mapped(records: Iterable[Record], form: str) -> Iterator[str]:
    """Each record in the words of others; what has no place there is counted and told."""
    from importlib.metadata import version

    from gateway.audit.mappings.parts import NotMapped, Producer

    mapping, producer = _mapping(form), Producer(version=version("wicketgate"))
    left_out: dict[str, int] = {}
    for record in records:
        match mapping(record, producer):
            case NotMapped(why):
                left_out[why] = left_out.get(why, 0) + 1
            case str(text):
                yield f"{text}\n"
            case value:
                yield json.dumps(value, separators=(",", ":")) + "\n"
    for why, count in left_out.items():
        complain(f"audit: {count} records have no place in {form}: {why}")


def _mapping(form: str) -> Callable[[Record, Producer], Mapped]:
    """The mapping of a format, imported when somebody wants it."""
    from gateway.audit.mappings import cef, ecs, ocsf, otel

    mappings: dict[str, Callable[[Record, Producer], Mapped]] = {
        "ocsf": ocsf.mapping,
        "ecs": ecs.mapping,
        "cef": cef.mapping,
        "otel": otel.otlp_json,
    }
    return mappings[form]


def _to_parquet(found: _Counted, target: Path | None) -> None:
    from gateway.audit.reading.duck import NoDuckDB, write_parquet

    if target is None:
        raise Unusable("--as parquet: a Parquet file is no text, name it with `--out FILE`")
    try:
        write_parquet(found.records(), target)
    except NoDuckDB:
        raise Unusable("--as parquet: it needs the extra `duckdb`: `pip install 'wicketgate[duckdb]'`") from None


@contextmanager
def _opened(target: Path | None) -> Iterator[TextIO]:
    """Standard output, or a file that only its owner can read and that is there when it is whole."""
    if target is None:
        yield sys.stdout
        return
    draft = target.with_name(f".{target.name}.draft")
    try:
        descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, _PRIVATE)
        with open(descriptor, "w", encoding="utf-8", newline="") as out:  # noqa: PTH123 - a descriptor is opened, not a path
            yield out
        draft.replace(target)
    finally:
        draft.unlink(missing_ok=True)
