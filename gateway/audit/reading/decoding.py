"""A line of the log as a record, as quickly as it can be had, and exactly what `parse_line` would give.

`orjson` refuses half of a surrogate pair, and makes a fraction of a whole number beyond 64 bits. Both can stand in a
log, the second only as the size of a body that a client announced: then `json` reads the line again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from gateway.audit.writing.recovery import parse_line

if TYPE_CHECKING:
    from gateway.audit.records.record import Record


def parse(line: bytes) -> Record | None:
    """The record on a line, or None if it holds none."""
    try:
        record: Any = orjson.loads(line)
    except orjson.JSONDecodeError:
        return parse_line(line)
    if not isinstance(record, dict) or type(record.get("seq")) is not int:
        return parse_line(line)
    request = record.get("request")
    if isinstance(request, dict) and type(request.get("size")) is float:
        return parse_line(line)
    return record
