"""Records as OpenTelemetry log records: a plain value, and its form in OTLP/JSON. Every kind of record is one.

Attributes have the names of the semantic conventions where there is one, and `wicketgate.` with the path in the record
where there is none. The event name is `wicketgate.` with the kind of record.

Source: OpenTelemetry logs data model; semantic conventions 1.38 (`client`, `http`, `network`, `server`, `tls`, `url`,
`user`, `security_rule`); OTLP 1.9, JSON encoding.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.mappings.parts import Level, Producer, at, flat, level_of, nanoseconds, rest_of
from gateway.audit.records.lines import message, url_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.records.record import Record

_SEVERITIES: Final[Mapping[Level, tuple[int, str]]] = {
    Level.INFORMATIONAL: (9, "INFO"),
    Level.LOW: (10, "INFO2"),
    Level.MEDIUM: (13, "WARN"),
    Level.HIGH: (17, "ERROR"),
    Level.CRITICAL: (21, "FATAL"),
}
_CONVENTIONS: Final[Mapping[str, tuple[str, ...]]] = {
    "client.address": ("client", "ip"),
    "client.port": ("client", "port"),
    "user.name": ("client", "user"),
    "user.roles": ("client", "groups"),
    "http.request.method": ("request", "method"),
    "http.request.body.size": ("request", "size"),
    "url.scheme": ("request", "scheme"),
    "url.path": ("request", "path"),
    "server.address": ("request", "host"),
    "server.port": ("request", "port"),
    "network.peer.address": ("destination", "ip"),
    "tls.client.server_name": ("tls", "sni"),
    "tls.protocol.version": ("tls", "version"),
    "security_rule.name": ("decision", "rule"),
    "security_rule.ruleset.name": ("policy", "name"),
    "security_rule.version": ("policy", "digest"),
}
"""The names of the conventions, and where in a record their values are."""
_PROTOCOLS: Final = {
    "http/1.1": ("http", "1.1"),
    "h2": ("http", "2"),
    "h3": ("http", "3"),
    "websocket": ("websocket", "13"),
    "tcp": ("tcp", None),
}
_TAKEN: Final = frozenset(
    {
        *("v", "seq", "time", "event", "status", "trace"),
        *("request.query", "request.protocol", "decision.status"),
        *(".".join(path) for path in _CONVENTIONS.values()),
    }
)


def mapping(record: Record, producer: Producer | None = None) -> dict[str, Any]:
    """The record as a plain value: `time_unix_nano`, `severity_number`, `event_name`, `body`, `attributes` ..."""
    source = producer or Producer()
    number, text = _SEVERITIES[level_of(record)]
    trace = record.get("trace")
    return {
        **({} if trace is None else {"trace_id": trace}),
        "time_unix_nano": nanoseconds(record),
        "severity_number": number,
        "severity_text": text,
        "event_name": f"wicketgate.{record['event']}",
        "body": message(record),
        "attributes": _attributes(record, source),
    }


def otlp_json(record: Record, producer: Producer | None = None) -> dict[str, Any]:
    """The record as a `LogRecord` of OTLP/JSON: 64-bit numbers are texts, every value says its type."""
    value = mapping(record, producer)
    return {
        **({"traceId": value["trace_id"]} if "trace_id" in value else {}),
        "timeUnixNano": str(value["time_unix_nano"]),
        "severityNumber": value["severity_number"],
        "severityText": value["severity_text"],
        "eventName": value["event_name"],
        "body": _any(value["body"]),
        "attributes": [{"key": key, "value": _any(each)} for key, each in value["attributes"].items()],
    }


def _attributes(record: Record, source: Producer) -> dict[str, Any]:
    named = {name: at(record, *path) for name, path in _CONVENTIONS.items()}
    protocol, version = _PROTOCOLS.get(str(at(record, "request", "protocol")), (None, None))
    query = url_of(record).partition("?")[2]
    known: dict[str, Any] = {
        "log.record.uid": f"{source.log}:{record['seq']}" if "seq" in record else None,
        **named,
        "url.query": query or None,
        "network.protocol.name": protocol,
        "network.protocol.version": version,
        "tls.protocol.name": None if at(record, "tls", "version") is None else "tls",
        "http.response.status_code": record.get("status") or at(record, "decision", "status"),
    }
    rest = dict(flat(rest_of(record, _TAKEN), "wicketgate."))
    return {name: value for name, value in known.items() if value not in (None, [])} | rest


def _any(value: Any) -> dict[str, Any]:
    match value:
        case bool():
            return {"boolValue": value}
        case int():
            return {"intValue": str(value)}
        case float():
            return {"doubleValue": value}
        case list():
            return {"arrayValue": {"values": [_any(each) for each in value]}}
        case _:
            return {"stringValue": str(value)}
