"""Parquet through DuckDB, the extra `duckdb`: a table that was exported once answers in a fraction of a second.

Counting in the segments themselves is left to `counting`: DuckDB, which would have to parse every line, is no quicker.
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

from gateway.audit.reading.counting import ranked
from gateway.audit.reading.tables import COLUMNS, row
from gateway.policy.addresses import BITS, Address, Network

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from gateway.audit.reading.counting import Top
    from gateway.audit.reading.filters import Filter
    from gateway.audit.reading.tables import Cell
    from gateway.audit.records.record import Record

_PRIVATE: Final = 0o600
_EQUAL: Final = ("user", "rule", "verdict", "reason", "listener", "method", "status", "id", "trace")


class NoDuckDB(Exception):  # noqa: N818 - it says what is missing, and is no failure of the program
    """The extra is not installed."""


class NotATable(Exception):  # noqa: N818 - it says what a file is not
    """A file is no table that `write_parquet` made, or cannot be asked this; the text says why."""


def top(file: Path, wanted: Filter, by: str, most: int) -> Top:
    """Count the decisions in a Parquet file as `counting.top` does in a log. Raises NoDuckDB, NotATable."""
    conditions = dict(_conditions(wanted))
    query = (
        f"SELECT {by}, count(*), arg_max(id, seq) FROM read_parquet($file) "  # noqa: S608 - names of columns, and no value
        f"WHERE event = 'decision'{''.join(f' AND {each}' for each in conditions)} GROUP BY 1"
    )
    values = {name: value for each in conditions.values() for name, value in each.items()}
    duckdb = _duckdb()
    try:
        found = _connect(duckdb).execute(query, {"file": str(file), **values}).fetchall()
    except duckdb.Error as error:
        raise NotATable(str(error).partition("\n")[0]) from None
    return ranked(iter(found), most, 0)


def _conditions(wanted: Filter) -> Iterator[tuple[str, Mapping[str, object]]]:
    """What a filter asks for in SQL, each with its values."""
    for name in _EQUAL:
        if (value := getattr(wanted, name)) is not None:
            yield f'"{name}" = ${name}', {name: value}
    if wanted.since is not None:
        yield "time >= CAST($since AS TIMESTAMPTZ)", {"since": wanted.since}
    if wanted.until is not None:
        yield "time < CAST($until AS TIMESTAMPTZ)", {"until": wanted.until}
    if wanted.host is not None:
        yield "(host = $host OR ends_with(host, '.' || $host))", {"host": wanted.host}
    if wanted.path is not None:
        yield "(path = $path OR starts_with(path, rtrim($path, '/') || '/'))", {"path": wanted.path}
    if wanted.client is not None:
        yield "client = $client", {"client": _one(wanted.client)}


def _one(client: Network | str) -> str:
    if isinstance(client, str):
        return client
    if client.length < BITS[client.version]:
        raise NotATable(f"clients of a network, `{client}`, can only be looked for in the log itself")
    return str(Address(client.version, client.value))


def write_parquet(records: Iterable[Record], target: Path) -> int:
    """Write the rows of records as a Parquet file, and return how many there are. Raises NoDuckDB, OSError."""
    connection = _connect(_duckdb())
    count = 0
    with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
        rows, draft = Path(folder) / "rows.jsonl", Path(folder) / "rows.parquet"
        with rows.open("wb") as file:
            for count, record in enumerate(records, 1):  # noqa: B007 - the count is what is returned
                file.write(_json(row(record)) + b"\n")
        types = ", ".join(f"{name}: '{kind}'" for name, (kind, _) in COLUMNS.items())
        source = f"read_json($rows, format = 'newline_delimited', columns = {{{types}}})"
        connection.execute(
            f"COPY (SELECT * REPLACE (CAST(time AS TIMESTAMPTZ) AS time) FROM {source}) "  # noqa: S608 - names of columns, and no value
            f"TO '{str(draft).replace("'", "''")}' (FORMAT parquet, COMPRESSION zstd)",
            {"rows": str(rows)},
        )
        draft.chmod(_PRIVATE)
        draft.replace(target)
    return count


def _json(cells: Mapping[str, Cell]) -> bytes:
    """A row for DuckDB to read. Half of a surrogate pair is no text for it, and becomes a question mark."""
    try:
        return orjson.dumps(cells)
    except TypeError:
        return json.dumps(cells, ensure_ascii=False).encode("utf-8", "replace")


def _duckdb() -> Any:
    try:
        import duckdb  # noqa: PLC0415 - an extra, and heavy
    except ImportError:
        raise NoDuckDB from None
    return duckdb


def _connect(duckdb: Any) -> Any:
    """DuckDB in memory, which fetches nothing from anywhere."""
    return duckdb.connect(config={"autoinstall_known_extensions": False, "autoload_known_extensions": False})
