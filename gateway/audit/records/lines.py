"""A record as one line for people: time, verdict, client, method, address, reason, rule.

What a client sent cannot move the cursor or colour the terminal: every character that is not printable is escaped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import quote

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.records.record import Record

_DEFAULT_PORTS: Final = {"http": 80, "https": 443}
_COLOURS: Final = {"allow": "\x1b[32m", "deny": "\x1b[31m"}
_PLAIN: Final = "\x1b[0m"
_NOT_SHOWN: Final = frozenset({"v", "seq", "time", "event", "note"})
"""What stands elsewhere on a line, and the signed note of a key, which is for programs."""
_NOTHING: Final[Mapping[str, object]] = {}


def line(record: Record, *, colour: bool = False) -> str:
    """One line, without a newline; `colour` only for a terminal."""
    text = f"{_time(record)}  {message(record)}"
    verdict = str(_part(record, "decision").get("verdict", ""))
    if not colour or verdict not in _COLOURS:
        return text
    return text.replace(f"{verdict:<5}", f"{_COLOURS[verdict]}{verdict:<5}{_PLAIN}", 1)


def message(record: Record) -> str:
    """What the line says behind its time."""
    match record.get("event"):
        case "decision":
            words = _decision(record)
        case "end":
            words = _end(record)
        case _:
            words = _event(record)
    return printable("  ".join(filter(None, words)))


def printable(text: str) -> str:
    """`text` with everything that a terminal would not simply print spelt as an escape of Python."""
    if text.isprintable():
        return text
    return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


def url_of(record: Record) -> str:
    """The address that a decision was about: `https://host:8443/path?name=REDACTED`; `host:443` for a CONNECT."""
    request = _part(record, "request")
    host, port, scheme = request.get("host"), request.get("port"), request.get("scheme")
    if host is None:
        return "-"
    name = f"[{host}]" if ":" in str(host) else str(host)
    if scheme is None:
        return name if port is None else f"{name}:{port}"
    shown_port = "" if port is None or _DEFAULT_PORTS.get(str(scheme)) == port else f":{port}"
    return f"{scheme}://{name}{shown_port}{request.get('path') or ''}{_query(request.get('query'))}"


def _decision(record: Record) -> list[str]:
    decision, request = _part(record, "decision"), _part(record, "request")
    rule, place = decision.get("rule"), decision.get("place")
    cause = decision.get("detail") if rule is None else f"{rule} ({place})" if place else rule
    return [
        f"{decision.get('verdict') or '-':<5}",
        str(_part(record, "client").get("ip") or "-"),
        f"{request.get('method') or '-'} {url_of(record)}",
        str(decision.get("reason")),
        str(cause or ""),
    ]


def _end(record: Record) -> list[str]:
    size = _part(record, "bytes")
    status = record.get("status")
    return [
        "end  ",
        str(record.get("id")),
        "no answer" if status is None else str(status),
        f"{size.get('up')} bytes up, {size.get('down')} down, {record.get('seconds')} s",
        str(record.get("reason") or ""),
    ]


def _event(record: Record) -> list[str]:
    rest = [
        f"{name}={_value(value)}"
        for name, value in record.items()
        if name not in _NOT_SHOWN and value not in (None, [], {})
    ]
    return [f"{record.get('event'):<5}", " ".join(rest)]


def _value(value: object) -> str:
    match value:
        case dict():
            return ",".join(f"{name}:{_value(each)}" for name, each in value.items() if each is not None)
        case list():
            return "; ".join(_value(each) for each in value)
        case _:
            return str(value)


def _time(record: Record) -> str:
    """To the millisecond, as `2026-11-23 10:00:00.123Z`."""
    day, _, clock = str(record.get("time")).partition("T")
    return f"{day} {clock[:12]}Z"


def _query(query: object) -> str:
    if not isinstance(query, dict) or not query:
        return ""
    pairs = [
        f"{quote(name)}={quote(str(each))}"
        for name, value in query.items()
        for each in (value if isinstance(value, list) else [value])
    ]
    return "?" + "&".join(pairs)


def _part(record: Record, name: str) -> Mapping[str, object]:
    part = record.get(name)
    return part if isinstance(part, dict) else _NOTHING
