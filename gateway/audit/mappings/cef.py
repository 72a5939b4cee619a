"""Records as lines of the Common Event Format, version 0 (ArcSight). Every kind of record is one.

The header is cut at `|`, the extension at ` key=`: both are escaped, and no character of a value can begin another
field or another line. What CEF has no key for stands in the custom strings, each with its label.

Source: ArcSight Common Event Format, implementation standard, version 0.1 (revision 25).
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.mappings.parts import NAME, Level, Producer, address_of, at, level_of, milliseconds, rest_of
from gateway.audit.records.lines import message, url_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.audit.records.record import Record

_SEVERITIES: Final[Mapping[Level, int]] = {
    Level.INFORMATIONAL: 1,
    Level.LOW: 3,
    Level.MEDIUM: 5,
    Level.HIGH: 8,
    Level.CRITICAL: 10,
}
_LONGEST: Final[Mapping[str, int]] = {"msg": 1023, "request": 1023, "dhost": 1023, "suser": 1023}
_LONGEST_CUSTOM: Final = 4000
_CUSTOM: Final = ("rule", "place", "policy", "client", "tls", "more")
"""What the six custom strings hold; their labels."""
_TAKEN: Final = frozenset(
    {
        *("v", "seq", "time", "event", "id", "listener", "status", "bytes", "reason"),
        *(f"client.{name}" for name in ("ip", "port", "user")),
        *(f"request.{name}" for name in ("method", "scheme", "host", "port", "path", "query", "protocol")),
        *("destination.ip", "tls.sni", "policy.name", "decision.rule", "decision.place", "decision.verdict"),
        *("decision.reason", "decision.status"),
    }
)


def mapping(record: Record, producer: Producer | None = None) -> str:
    """The record as one line of CEF, without a newline."""
    source = producer or Producer()
    kind = str(record["event"])
    reason = at(record, "decision", "reason") or record.get("reason")
    name = kind if reason is None else f"{kind}: {reason}"
    header = (NAME, NAME, source.version, str(reason or kind), name, str(_SEVERITIES[level_of(record)]))
    pairs = " ".join(f"{key}={_value(key, value)}" for key, value in _extension(record, source))
    return f"CEF:0|{'|'.join(map(_header, header))}|{pairs}"


def _extension(record: Record, source: Producer) -> Iterator[tuple[str, object]]:
    """Every key of the extension that has a value, in the order of the dictionary's groups."""
    pairs: dict[str, object] = {
        "rt": milliseconds(record),
        "externalId": f"{source.log}:{record['seq']}" if "seq" in record else None,
        "cat": record["event"],
        "act": at(record, "decision", "verdict") or record.get("outcome"),
        "outcome": record.get("status") or at(record, "decision", "status"),
        "reason": at(record, "decision", "reason") or record.get("reason"),
        "src": address_of(at(record, "client", "ip")),
        "spt": at(record, "client", "port"),
        "suser": at(record, "client", "user"),
        "dst": at(record, "destination", "ip"),
        "dhost": at(record, "request", "host"),
        "dpt": at(record, "request", "port"),
        "requestMethod": at(record, "request", "method"),
        "request": None if at(record, "request", "host") is None else url_of(record),
        "app": at(record, "request", "protocol"),
        "in": at(record, "bytes", "up"),
        "out": at(record, "bytes", "down"),
        "deviceFacility": record.get("listener"),
        "sessionId": record.get("id"),
        "msg": message(record),
    }
    for key, value in pairs.items():
        if value is not None:
            yield key, value
    yield from _custom(record)


def _custom(record: Record) -> Iterator[tuple[str, object]]:
    rest = rest_of(record, _TAKEN)
    held: dict[str, Any] = {
        "rule": at(record, "decision", "rule"),
        "place": at(record, "decision", "place"),
        "policy": at(record, "policy", "name"),
        "client": at(record, "client", "ip"),
        "tls": at(record, "tls", "sni"),
        "more": json.dumps(rest, separators=(",", ":")) if rest else None,
    }
    for number, label in enumerate(_CUSTOM, 1):
        if held[label] is not None:
            yield f"cs{number}Label", label
            yield f"cs{number}", held[label]


def _header(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(key: str, value: object) -> str:
    text = str(value)[: _LONGEST.get(key, _LONGEST_CUSTOM)]
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _one_line(escaped)


def _one_line(text: str) -> str:
    """A text without what ends a line or moves a cursor."""
    return "".join(each if each.isprintable() else " " for each in text)
