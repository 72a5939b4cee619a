"""Records as the rows of a table: the columns that people put into a spreadsheet, and CSV (RFC 4180).

A spreadsheet takes a cell that begins with `=`, `+`, `-` or `@` for a formula, and what a client sent can begin with
one: such a text gets an apostrophe in front.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.records.lines import url_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.audit.records.record import Record

    type Cell = str | int | float | None

COLUMNS: Final[Mapping[str, tuple[str, str]]] = {
    "seq": ("BIGINT", "seq"),
    "time": ("VARCHAR", "time"),
    "event": ("VARCHAR", "event"),
    "id": ("VARCHAR", "id"),
    "listener": ("VARCHAR", "listener"),
    "client": ("VARCHAR", "client.ip"),
    "user": ("VARCHAR", "client.user"),
    "method": ("VARCHAR", "request.method"),
    "scheme": ("VARCHAR", "request.scheme"),
    "host": ("VARCHAR", "request.host"),
    "port": ("BIGINT", "request.port"),
    "path": ("VARCHAR", "request.path"),
    "url": ("VARCHAR", ""),
    "destination": ("VARCHAR", "destination.ip"),
    "verdict": ("VARCHAR", "decision.verdict"),
    "reason": ("VARCHAR", "decision.reason"),
    "rule": ("VARCHAR", "decision.rule"),
    "place": ("VARCHAR", "decision.place"),
    "list": ("VARCHAR", "list.name"),
    "entry": ("VARCHAR", "list.entry"),
    "policy": ("VARCHAR", "policy.name"),
    "status": ("BIGINT", "status"),
    "up": ("BIGINT", "bytes.up"),
    "down": ("BIGINT", "bytes.down"),
    "seconds": ("DOUBLE", "seconds"),
    "trace": ("VARCHAR", "trace"),
}
"""The columns of a table in their order: the type in SQL, and where a record has the value."""

_PATHS: Final = tuple((name, tuple(path.split("."))) for name, (_, path) in COLUMNS.items())
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def row(record: Record) -> dict[str, Cell]:
    """The record as a row; None where it says nothing."""
    cells: dict[str, Cell] = {name: _cell(record, path) for name, path in _PATHS}
    cells["url"] = url_of(record) if "request" in record else None
    if cells["status"] is None:
        cells["status"] = _cell(record, ("decision", "status"))
    if cells["reason"] is None:
        cells["reason"] = _cell(record, ("reason",))
    return cells


def csv_lines(records: Iterable[Record]) -> Iterator[str]:
    """A line with the names of the columns, and one per record, each with its line end (CRLF)."""
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(COLUMNS)
    for record in records:
        yield _taken(out)
        writer.writerow([_harmless(cell) for cell in row(record).values()])
    yield _taken(out)


def _taken(out: io.StringIO) -> str:
    text = out.getvalue()
    out.seek(0)
    out.truncate()
    return text


def _harmless(cell: Cell) -> Cell:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell


def _cell(record: Record, path: tuple[str, ...]) -> Cell:
    found: Any = record
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, str | int | float) else None
