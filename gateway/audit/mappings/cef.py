"""Records as lines of the Common Event Format, version 0 (ArcSight). Every kind of record is one.

The header is cut at `|`, the extension at ` key=`: both are escaped, and no character of a value can begin another
field or another line. What CEF has no key for stands in the custom strings, each with its label. What is longer than
receivers take is cut, and `flexString1` names it.

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
_LONGEST: Final[Mapping[str, int]] = {"act": 63, "app": 31, "outcome": 63}
_LONGEST_TEXT: Final = 1023
_LONGEST_CUSTOM: Final = 4000
_LONGEST_LINE: Final = 7 * 1024
"""Bytes: what many receivers of syslog take of a message at most is 8 KiB, its header and structured data included."""
_LONGEST_NAMES: Final = 256
"""Bytes that are kept free for the names of what is cut."""
_LONGEST_PART: Final = 127
"""Characters of a part of the header."""
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
    line = f"CEF:0|{'|'.join(_header(each[:_LONGEST_PART]) for each in header)}|"
    cut: list[str] = []
    pairs: list[str] = []
    room = _LONGEST_LINE - _LONGEST_NAMES - len(line.encode())
    for key, value in _extension(record, source):
        pairs.append(f"{key}={_value(key, value, room, cut)}")
        room -= len(pairs[-1].encode()) + 1
    pairs += [f"{key}={_escaped(value)}" for key, value in _rest(record, room, cut)]
    return line + " ".join(pairs)


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
    held: dict[str, Any] = {
        "rule": at(record, "decision", "rule"),
        "place": at(record, "decision", "place"),
        "policy": at(record, "policy", "name"),
        "client": at(record, "client", "ip"),
        "tls": at(record, "tls", "sni"),
    }
    for number, label in enumerate(_CUSTOM, 1):
        if held.get(label) is not None:
            yield f"cs{number}Label", label
            yield f"cs{number}", held[label]


def _rest(record: Record, room: int, cut: list[str]) -> Iterator[tuple[str, str]]:
    """All else as JSON, without what there is no `room` for; then the names of what was `cut`, here or before."""
    rest, number = rest_of(record, _TAKEN), len(_CUSTOM)
    while rest:
        text = json.dumps(rest, separators=(",", ":"))
        if len(text) <= _LONGEST_CUSTOM and len(_escaped(text)) <= room:
            yield f"cs{number}Label", _CUSTOM[-1]
            yield f"cs{number}", text
            break
        longest = max(rest, key=lambda name: len(json.dumps(rest[name])))
        cut.append(longest)
        del rest[longest]
    if cut:
        yield "flexString1Label", "cut"
        yield "flexString1", " ".join(cut)[: _LONGEST_NAMES // 2]


def _header(text: str) -> str:
    return _one_line(text).replace("\\", "\\\\").replace("|", "\\|")


def _value(key: str, value: object, room: int, cut: list[str]) -> str:
    """A value, as long as the dictionary and the line let it be; `cut` hears the key of one that was longer."""
    whole, longest = str(value), _LONGEST_CUSTOM if key.startswith("cs") else _LONGEST.get(key, _LONGEST_TEXT)
    text = whole[:longest]
    while text and len(key) + len(_escaped(text).encode()) > room:
        text = text[: len(text) * 3 // 4]
    if text != whole:
        cut.append(key)
    return _escaped(text)


def _escaped(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("=", "\\=").replace("\r", "\\r").replace("\n", "\\n")
    return _one_line(escaped)


def _one_line(text: str) -> str:
    """A text without what ends a line or moves a cursor."""
    return "".join(each if each.isprintable() else " " for each in text)
