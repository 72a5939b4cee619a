"""Records as events of the Open Cybersecurity Schema Framework 1.8.0: HTTP Activity (4002), Network Activity (4001).

Decisions and ends of exchanges are HTTP Activity, connections without one Network Activity, both with the profiles
`security_control` (what was decided, by which rule) and `host` (who asked). What has no place there is in `unmapped`.

Source: https://schema.ocsf.io/1.8.0/classes/http_activity (Apache-2.0).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.mappings.parts import (
    NAME,
    NotMapped,
    Producer,
    address_of,
    at,
    both,
    level_of,
    milliseconds,
    rest_of,
    without,
)
from gateway.audit.records.lines import message, url_of
from gateway.audit.records.schema import EVENTS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.audit.records.record import Record

VERSION: Final = "1.8.0"
_NETWORK: Final = 4
_HTTP_ACTIVITY: Final = 4002
_NETWORK_ACTIVITY: Final = 4001
_OTHER: Final = 99
_METHODS: Final = ("CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "POST", "PUT", "TRACE", "PATCH")
_ACTIVITIES: Final[Mapping[str, int]] = {method: number for number, method in enumerate(_METHODS, 1)}
_CLOSE, _REFUSE = 2, 5
_ALLOWED, _DENIED = 1, 2
_DISPOSITIONS: Final[Mapping[str, tuple[int, str]]] = {
    "identity-required": (26, "Unauthorized"),
    "internal-error": (27, "Error"),
    "audit-unavailable": (27, "Error"),
    "policy-changed": (24, "Access Revoked"),
}
_DIRECTIONS: Final[Mapping[object, tuple[int, str]]] = {"forward": (2, "Outbound"), "reverse": (1, "Inbound")}
_SEVERITIES: Final = ("Unknown", "Informational", "Low", "Medium", "High", "Critical")
_CLASSES: Final = {"decision": _HTTP_ACTIVITY, "end": _HTTP_ACTIVITY, "connection": _NETWORK_ACTIVITY}
_TAKEN: Final = frozenset(
    {
        *("v", "seq", "time", "event", "id", "status", "bytes", "reason", "detail"),
        *(f"client.{name}" for name in ("ip", "port", "user", "groups")),
        *(f"request.{name}" for name in ("method", "scheme", "host", "port", "path", "protocol", "size", "fields")),
        *(f"decision.{name}" for name in ("verdict", "reason", "rule", "status", "detail")),
        *("destination.ip", "policy.name", "policy.digest", "tls.version", "response.type"),
    }
)
"""What `unmapped` need not repeat."""
NOT_MAPPED: Final[Mapping[str, NotMapped]] = {
    event: NotMapped(f"a `{event}` record is about the gateway itself, and no class of network activity is about that")
    for event in EVENTS
    if event not in _CLASSES
}
"""Why a kind of record is no event of OCSF."""


def mapping(record: Record, producer: Producer | None = None) -> dict[str, Any] | NotMapped:
    """The record as an event of OCSF, or why it is none."""
    event = str(record["event"])
    if event not in _CLASSES:
        return NOT_MAPPED.get(event, NotMapped(f"`{event}` is no kind of record"))
    uid, (activity, name), level = _CLASSES[event], _activity(record), level_of(record)
    whole = {
        "activity_id": activity,
        "activity_name": name,
        "category_uid": _NETWORK,
        "category_name": "Network Activity",
        "class_uid": uid,
        "class_name": "HTTP Activity" if uid == _HTTP_ACTIVITY else "Network Activity",
        "type_uid": uid * 100 + activity,
        "severity_id": int(level),
        "severity": _SEVERITIES[level],
        "time": milliseconds(record),
        "message": message(record),
        "metadata": _metadata(record, producer or Producer()),
        "src_endpoint": _client(record),
        "dst_endpoint": _destination(record),
        "actor": {"user": _user(record)},
        "connection_info": _connection(record),
        "traffic": _traffic(record),
        "tls": _tls(record),
        **_control(record),
        **_status(record),
        **(_exchange(record) if uid == _HTTP_ACTIVITY else {}),
        "unmapped": rest_of(record, _TAKEN),
    }
    return dict(without(whole))


def _activity(record: Record) -> tuple[int, str]:
    if record["event"] == "connection":
        return (_REFUSE, "Refuse") if record.get("outcome") == "refused" else (_CLOSE, "Close")
    method = at(record, "request", "method")
    if method in _ACTIVITIES:
        return _ACTIVITIES[method], str(method).capitalize()
    return (0, "Unknown") if method is None else (_OTHER, str(method))


def _metadata(record: Record, producer: Producer) -> dict[str, Any]:
    return {
        "version": VERSION,
        "profiles": ["security_control", "host"],
        "product": {"name": NAME, "vendor_name": NAME, "version": producer.version},
        "uid": f"{producer.log}:{record['seq']}" if "seq" in record else None,
        "sequence": record.get("seq"),
        "correlation_uid": record.get("id"),
        "log_name": producer.log,
        "log_version": str(record.get("v", 1)),
        "event_code": record["event"],
        "original_time": record["time"],
    }


def _client(record: Record) -> dict[str, Any]:
    name = at(record, "client", "ip")
    address = address_of(name)
    named = None if address else name or "unknown"
    return {"ip": address, "name": named, "port": at(record, "client", "port")}


def _destination(record: Record) -> dict[str, Any]:
    where = {
        "ip": at(record, "destination", "ip"),
        "hostname": at(record, "request", "host"),
        "port": at(record, "request", "port"),
    }
    return where if where["ip"] or where["hostname"] else {"name": "unknown", "port": where["port"]}


def _user(record: Record) -> dict[str, Any]:
    name = at(record, "client", "user")
    groups = [{"name": group} for group in at(record, "client", "groups") or ()]
    return {} if name is None else {"name": name, "groups": groups}


def _connection(record: Record) -> dict[str, Any]:
    number, name = _DIRECTIONS.get(record.get("mode"), (0, "Unknown"))
    return {"direction_id": number, "direction": name, "protocol_name": "tcp", "protocol_num": 6}


def _traffic(record: Record) -> dict[str, Any]:
    up, down = at(record, "bytes", "up"), at(record, "bytes", "down")
    return {"bytes": both(up, down), "bytes_out": up, "bytes_in": down}


def _tls(record: Record) -> dict[str, Any]:
    """What the handshake said, for which there is a place if its version is known."""
    version = at(record, "tls", "version")
    return {} if version is None else {"version": version, "sni": at(record, "tls", "sni")}


def _control(record: Record) -> dict[str, Any]:
    """What the profile `security_control` says: what was done, and by which rule of which policy."""
    reason = record.get("reason")
    verdict = at(record, "decision", "verdict") or ("deny" if reason is not None else None)
    if verdict is None:
        return {}
    is_allowed = verdict == "allow" or reason in {"allowed-by-rule", "allowed-by-default", "own-page"}
    why = str(at(record, "decision", "reason") or reason)
    number, name = (1, "Allowed") if is_allowed else _DISPOSITIONS.get(why, (2, "Blocked"))
    rule = at(record, "decision", "rule")
    return {
        "action_id": _ALLOWED if is_allowed else _DENIED,
        "action": "Allowed" if is_allowed else "Denied",
        "disposition_id": number,
        "disposition": name,
        "is_alert": not is_allowed,
        "firewall_rule": {} if rule is None else _rule(record, str(rule)),
        "policy": {"name": at(record, "policy", "name"), "uid": at(record, "policy", "digest")},
    }


def _rule(record: Record, rule: str) -> dict[str, Any]:
    limits = [limit for limit in at(record, "limits") or () if limit.get("id") == rule]
    return {
        "uid": rule,
        "name": rule,
        "category": at(record, "decision", "reason"),
        "match_location": at(record, "decision", "place"),
        "match_details": at(record, "decision", "matched"),
        "rate_limit": limits[0].get("quota") if limits else None,
    }


def _status(record: Record) -> dict[str, Any]:
    status = record.get("status") or at(record, "decision", "status")
    failed = record.get("reason") is not None or at(record, "decision", "verdict") == "deny"
    return {
        "status_id": 2 if failed else 1,
        "status": "Failure" if failed else "Success",
        "status_code": at(record, "decision", "reason") or record.get("reason"),
        "status_detail": at(record, "decision", "detail") or record.get("detail"),
        "http_status": status if record["event"] != "connection" else None,
    }


def _exchange(record: Record) -> dict[str, Any]:
    request, status = record.get("request"), record.get("status") or at(record, "decision", "status")
    asked: dict[str, Any] = {"uid": record.get("id")}
    if isinstance(request, dict):
        fields = request.get("fields") or {}
        shown = {name: value if isinstance(value, str) else ", ".join(value) for name, value in fields.items()}
        asked |= {
            "http_method": request.get("method"),
            "version": request.get("protocol"),
            "body_length": request.get("size"),
            "user_agent": shown.get("user-agent"),
            "referrer": shown.get("referer"),
            "http_headers": [{"name": name, "value": value} for name, value in shown.items()],
            "url": _url(record, request),
        }
    answer = {} if status is None else {"code": status, "body_length": at(record, "bytes", "down")}
    kind = at(record, "response", "type")
    return {"http_request": asked, "http_response": answer | ({"content_type": kind} if answer else {})}


def _url(record: Record, request: dict[str, Any]) -> dict[str, Any]:
    if request.get("host") is None and request.get("path") is None:
        return {}
    whole = url_of(record)
    return {
        "url_string": whole,
        "scheme": request.get("scheme"),
        "hostname": request.get("host"),
        "port": request.get("port"),
        "path": request.get("path"),
        "query_string": whole.partition("?")[2] or None,
    }
