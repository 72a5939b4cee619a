"""The JSON Schema of the audit log: every kind of record, every key of it, no other.

It is what a reader of the log may rely on. Keys may be added while `v` stays the same, and the schema with them; none
is removed, and none changes its meaning.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.records.record import VERSION
from gateway.audit.records.schema_parts import (
    ADDRESSES,
    BYTES,
    CLIENT,
    CONNECTION_CLIENT,
    COUNT,
    DECIDED,
    DECIDED_LATER,
    DESTINATION,
    ENTRY,
    ID,
    IDENTITY,
    LIMIT,
    MODES,
    MOMENT,
    REASON,
    REQUEST,
    RESPONSE,
    SECONDS,
    SEQUENCE,
    STATUS,
    TEXT,
    TLS,
    UPSTREAM,
    array,
    maybe,
    one_of,
    part,
    words,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

type JsonSchema = dict[str, Any]

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_OUTCOME: Final = one_of("loaded", "refused")
_CAUSE: Final = {"cause": one_of("start", "signal", "file", "order", "list", "age")}
_FILES: Final = {"files": array(TEXT), "problems": array(TEXT)}
_DIGEST: Final = {"settings": words("^sha256:")}
_CACHE: Final = words("^[a-z-]+$")

_KEYS: Final[Mapping[str, tuple[str, JsonSchema, JsonSchema]]] = {
    "decision": (
        "What was decided about an exchange, written before it has an effect.",
        {
            "id": ID,
            "listener": TEXT,
            "mode": MODES,
            "engine": TEXT,
            "client": CLIENT,
            "request": REQUEST,
            "tls": maybe(TLS),
            "destination": maybe(DESTINATION),
            "decision": DECIDED,
            "list": maybe(ENTRY),
            "limits": array(LIMIT),
            "policy": part(name=maybe(TEXT), digest=maybe(TEXT)),
            "masked": array({"type": "string", "pattern": "^/"}),
        },
        {
            "identity": IDENTITY,
            "answers": one_of("redirect", "response"),
            "trace": {"type": "string", "pattern": "^[0-9a-f]{32}$"},
        },
    ),
    "end": (
        "How an exchange ended, of which there is a decision with the same id.",
        {
            "id": ID,
            "status": maybe(STATUS),
            "bytes": BYTES,
            "seconds": SECONDS,
            "reason": maybe(REASON),
            "destination": maybe(part(ip=ADDRESSES)),
        },
        {
            "response": RESPONSE,
            "cache": _CACHE,
            "unverified": {"const": True},
            "upstream": UPSTREAM,
            "decision": DECIDED_LATER,
        },
    ),
    "connection": (
        "A connection that ended with nothing asked for on it, or that was refused or passed on unread as a whole.",
        {
            "id": ID,
            "listener": TEXT,
            "client": CONNECTION_CLIENT,
            "outcome": one_of("closed", "refused", "spliced"),
            "reason": maybe(REASON),
            "detail": maybe(TEXT),
            "bytes": BYTES,
            "seconds": SECONDS,
        },
        {},
    ),
    "start": (
        "The gateway accepts connections.",
        {"version": TEXT, "engine": TEXT, "listeners": array(TEXT), "configuration": maybe(words("^sha256:"))},
        _DIGEST | {"workers": COUNT},
    ),
    "stop": ("The gateway ends.", {"cause": TEXT}, {}),
    "policy": (
        "A policy took effect or was refused; named is the one that is in force from now on.",
        {
            "outcome": _OUTCOME,
            "listener": TEXT,
            "file": TEXT,
            "policy": part(name=maybe(TEXT), digest=maybe(TEXT)),
            "problems": array(TEXT),
        },
        _CAUSE,
    ),
    "list": (
        "A list of a policy was loaded, or refused, or is too old.",
        {
            "outcome": one_of("loaded", "stale", "kept", "refused"),
            "listener": TEXT,
            "list": part(name=TEXT, entries=maybe(COUNT), digest=maybe(TEXT)),
            "problems": array(TEXT),
        },
        _CAUSE,
    ),
    "configuration": (
        "Routes and upstreams were read again, and are in force or were refused; or all of what was in force last is.",
        {"outcome": one_of("loaded", "refused", "kept"), "problems": array(TEXT)},
        _CAUSE | _DIGEST,
    ),
    "trust": ("Authorities for servers were loaded or refused.", {"outcome": _OUTCOME, **_FILES}, _CAUSE),
    "certificates": (
        "What a reverse listener shows was loaded or refused.",
        {"outcome": _OUTCOME, "listener": TEXT, **_FILES},
        _CAUSE,
    ),
    "authority": (
        "Which authority signs from now on, and which ones clients should trust, by their fingerprints.",
        {"outcome": _OUTCOME, "signing": TEXT, "trusted": array(TEXT), "problems": array(TEXT)},
        _CAUSE,
    ),
    "server": (
        "A server of an upstream stands otherwise from now on.",
        {"upstream": TEXT, "server": TEXT, "standing": one_of("up", "down", "ejected", "draining"), "detail": TEXT},
        {"worker": COUNT},
    ),
    "worker": (
        "One of several workers died or was replaced, or another one serves in its place.",
        {"worker": COUNT, "outcome": one_of("died", "started", "replaced"), "detail": maybe(TEXT)},
        {},
    ),
    "store": (
        "The store in which gateways count limits together went away, or is back.",
        {"store": TEXT, "standing": one_of("away", "back"), "instead": one_of("closed", "local"), "detail": TEXT},
        {},
    ),
    "gap": (
        "The log could not be written, its tail was torn, a segment is damaged, or records were gone before an export.",
        {
            "reason": one_of(
                "write-failed", "queue-full", "torn-line", "not-exported", "segment-damaged", "not-worded"
            ),
            "detail": TEXT,
            "since": maybe(MOMENT),
            "rewritten": COUNT,
            "refused": COUNT,
            "unrecorded": COUNT,
            "cut": COUNT,
        },
        {"left_out": part(dict.fromkeys(("allow", "deny", "end", "connection", "other"), COUNT))},
    ),
    "retention": (
        "Records were kept long enough, and were removed from a segment.",
        {
            "segment": TEXT,
            "removed": {"type": "object", "additionalProperties": COUNT},
            "first": maybe(SEQUENCE),
            "last": maybe(SEQUENCE),
            "whole": {"type": "boolean"},
        },
        {},
    ),
    "key": ("A key signs the log from the next checkpoint on.", {"day": TEXT, "key": TEXT, "note": TEXT}, {}),
    "proof": (
        "What a start found when it compared the log with its newest checkpoint.",
        {
            "outcome": one_of("began", "sound", "repaired", "tampered", "failed"),
            "size": COUNT,
            "root": TEXT,
            "problems": array(TEXT),
        },
        {},
    ),
    "anchor": (
        "An anchor takes no checkpoints, or takes them again; it has that of so many records.",
        {
            "outcome": one_of("failed", "mended"),
            "anchor": TEXT,
            "since": maybe(MOMENT),
            "size": maybe(COUNT),
            "detail": maybe(TEXT),
        },
        {},
    ),
    "heartbeat": ("Nothing happened for so many seconds, and the gateway was there.", {"idle": COUNT}, {}),
    "admin": (
        "An operator had the running gateway do something: who by the number of the user, what, and how many it were.",
        {
            "user": COUNT,
            "process": COUNT,
            "by": maybe(TEXT),
            "order": TEXT,
            "what": {"type": "object", "additionalProperties": TEXT},
            "count": COUNT,
        },
        {},
    ),
}

EVENTS: Final = tuple(_KEYS)
"""Every kind of record."""

PRUNED: Final = "pruned"
"""The definition of a line that stands for a record whose time was over: its number, and the hash of the record."""

_PRUNED: Final = part(v={"const": VERSION}, seq=SEQUENCE, pruned=words("^[0-9a-f]{64}$"))


def record_schema() -> JsonSchema:
    """The schema of a line of the log."""
    return {
        "$schema": DIALECT,
        "title": "Wicketgate audit record",
        "description": "One line of the audit log. What is not known is null.",
        "type": "object",
        "required": ["v", "seq"],
        "properties": {"event": {"enum": list(EVENTS)}},
        "allOf": [
            {
                "if": {"required": ["event"], "properties": {"event": {"const": event}}},
                "then": {"$ref": f"#/$defs/{event}"},
            }
            for event in EVENTS
        ],
        "if": {"not": {"required": ["event"]}},
        "then": {"$ref": f"#/$defs/{PRUNED}"},
        "$defs": {event: _kind(event) for event in EVENTS} | {PRUNED: _PRUNED},
    }


def _kind(event: str) -> JsonSchema:
    about, needed, others = _KEYS[event]
    head: JsonSchema = {"v": {"const": VERSION}, "seq": SEQUENCE, "time": MOMENT, "event": {"const": event}}
    return {
        "description": about,
        "type": "object",
        "properties": {**head, **needed, **others},
        "required": [*head, *needed],
        "additionalProperties": False,
    }
