"""Records as documents of the Elastic Common Schema 9.4. Every kind of record is one.

What ECS has no field for stands under `wicketgate`, in the words of the record.

Source: https://www.elastic.co/docs/reference/ecs (Apache-2.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.mappings.parts import NAME, Level, Producer, address_of, at, both, level_of, rest_of, without
from gateway.audit.records.lines import message, url_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.records.record import Record

VERSION: Final = "9.4.0"
_LEVELS: Final[Mapping[Level, str]] = {
    Level.INFORMATIONAL: "info",
    Level.LOW: "notice",
    Level.MEDIUM: "warning",
    Level.HIGH: "error",
    Level.CRITICAL: "critical",
}
_CHANGES: Final = frozenset({"policy", "list", "configuration", "trust", "certificates", "authority", "admin", "key"})
_VERSIONS: Final = {"http/1.1": "1.1", "h2": "2", "h3": "3", "websocket": "1.1"}
_OUTCOMES: Final = {
    **dict.fromkeys(("loaded", "done", "sound", "mended"), "success"),
    **dict.fromkeys(("refused", "tampered", "failed"), "failure"),
}
_TAKEN: Final = frozenset(
    {
        *("v", "time", "event", "id", "trace", "status", "bytes", "seconds"),
        *(f"client.{name}" for name in ("ip", "port", "user", "groups")),
        *(f"request.{name}" for name in ("method", "scheme", "host", "port", "path", "query", "protocol", "size")),
        *("destination.ip", "tls.sni", "tls.version", "policy.name", "policy.digest", "decision.rule"),
    }
)


def mapping(record: Record, producer: Producer | None = None) -> dict[str, Any]:
    """The record as a document of ECS."""
    source, level = producer or Producer(), level_of(record)
    whole = {
        "@timestamp": record["time"],
        "ecs": {"version": VERSION},
        "message": message(record),
        "log": {"level": _LEVELS[level], "logger": f"{source.log}"},
        "event": _event(record, source, level),
        "observer": {"type": "proxy", "vendor": NAME, "product": NAME, "version": source.version},
        "transaction": {"id": record.get("id")},
        "trace": {"id": record.get("trace")},
        "source": _client(record),
        "destination": _destination(record),
        "user": {"name": at(record, "client", "user"), "roles": at(record, "client", "groups")},
        "url": _url(record),
        "http": _http(record),
        "network": _network(record),
        "tls": _tls(record),
        "rule": {
            "name": at(record, "decision", "rule"),
            "ruleset": at(record, "policy", "name"),
            "version": at(record, "policy", "digest"),
        },
        "wicketgate": rest_of(record, _TAKEN),
    }
    return dict(without(whole))


def _event(record: Record, source: Producer, level: Level) -> dict[str, Any]:
    seconds = record.get("seconds")
    categories, types = _kind(record)
    return {
        "kind": "event",
        "category": categories,
        "type": types,
        "action": record["event"],
        "outcome": _outcome(record),
        "reason": at(record, "decision", "reason") or record.get("reason"),
        "id": f"{source.log}:{record['seq']}" if "seq" in record else None,
        "sequence": record.get("seq"),
        "severity": int(level),
        "duration": None if seconds is None else round(float(str(seconds)) * 1_000_000_000),
        "module": "wicketgate",
        "dataset": "wicketgate.audit",
        "provider": "wicketgate",
    }


def _kind(record: Record) -> tuple[list[str], list[str]]:
    match record:
        case {"event": "decision", "decision": {"verdict": verdict}}:
            return ["network", "web"], ["access", "allowed" if verdict == "allow" else "denied"]
        case {"event": "end"}:
            return ["network", "web"], ["end"]
        case {"event": "connection", "outcome": outcome}:
            return ["network"], ["connection", "denied" if outcome == "refused" else "end"]
        case {"event": "start" | "stop" as event}:
            return ["process"], ["start" if event == "start" else "end"]
        case {"event": event} if event in _CHANGES:
            return ["configuration"], ["change"]
        case _:
            return ["process"], ["info"]


def _outcome(record: Record) -> str:
    if record["event"] == "end":
        return "success" if record.get("reason") is None else "failure"
    return _OUTCOMES.get(str(record.get("outcome")), "unknown")


def _client(record: Record) -> dict[str, Any]:
    name = at(record, "client", "ip")
    up = at(record, "bytes", "up")
    return {"address": name, "ip": address_of(name), "port": at(record, "client", "port"), "bytes": up}


def _destination(record: Record) -> dict[str, Any]:
    host = at(record, "request", "host")
    return {
        "address": host,
        "domain": None if address_of(host) else host,
        "ip": at(record, "destination", "ip"),
        "port": at(record, "request", "port"),
        "bytes": at(record, "bytes", "down"),
    }


def _url(record: Record) -> dict[str, Any]:
    if at(record, "request", "host") is None:
        return {}
    whole = url_of(record)
    return {
        "full": whole if "://" in whole else None,
        "scheme": at(record, "request", "scheme"),
        "domain": at(record, "request", "host"),
        "port": at(record, "request", "port"),
        "path": at(record, "request", "path"),
        "query": whole.partition("?")[2] or None,
    }


def _http(record: Record) -> dict[str, Any]:
    is_exchange = record["event"] in {"decision", "end"}
    return {
        "version": _VERSIONS.get(str(at(record, "request", "protocol"))),
        "request": {
            "id": record.get("id") if is_exchange else None,
            "method": at(record, "request", "method"),
            "body": {"bytes": at(record, "request", "size")},
        },
        "response": {
            "status_code": record.get("status") or at(record, "decision", "status"),
            "body": {"bytes": at(record, "bytes", "down") if record["event"] == "end" else None},
        },
    }


def _tls(record: Record) -> dict[str, Any]:
    version = at(record, "tls", "version")
    named = {"client": {"server_name": at(record, "tls", "sni")}}
    return named if version is None else {"version": version, "version_protocol": "tls", **named}


def _network(record: Record) -> dict[str, Any]:
    if record["event"] not in {"decision", "end", "connection"}:
        return {}
    up, down = at(record, "bytes", "up"), at(record, "bytes", "down")
    direction = {"forward": "egress", "reverse": "ingress"}.get(str(record.get("mode")))
    scheme = at(record, "request", "scheme")
    return {"transport": "tcp", "protocol": scheme, "direction": direction, "bytes": both(up, down)}
