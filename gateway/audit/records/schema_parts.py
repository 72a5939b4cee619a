"""What the schema of the audit log is put together from: texts, numbers, and the parts that several records share."""

from __future__ import annotations

from typing import Any, Final

from gateway.policy.model import FactName, Mode, Reason, Verdict

type JsonSchema = dict[str, Any]


def maybe(schema: JsonSchema) -> JsonSchema:
    """What `schema` says, or null."""
    return {"anyOf": [schema, {"type": "null"}]}


def array(items: JsonSchema) -> JsonSchema:
    """A list of these, which may be empty."""
    return {"type": "array", "items": items}


def one_of(*known: str) -> JsonSchema:
    """One of these words."""
    return {"enum": list(known)}


def words(pattern: str) -> JsonSchema:
    """A text that matches an expression."""
    return {"type": "string", "pattern": pattern}


def part(also: JsonSchema | None = None, /, **needed: JsonSchema) -> JsonSchema:
    """An object with these keys, all of them, and at most those of `also` besides."""
    return {
        "type": "object",
        "properties": {**needed, **(also or {})},
        "required": list(needed),
        "additionalProperties": False,
    }


TEXT: Final[JsonSchema] = {"type": "string"}
COUNT: Final[JsonSchema] = {"type": "integer", "minimum": 0}
SEQUENCE: Final[JsonSchema] = {"type": "integer", "minimum": 1, "description": "Without a gap, over all segments."}
SECONDS: Final[JsonSchema] = {"type": "number"}
PORT: Final[JsonSchema] = {"type": "integer", "minimum": 0, "maximum": 65535}
STATUS: Final[JsonSchema] = {"type": "integer", "minimum": 100, "maximum": 999}
ID: Final[JsonSchema] = words("^[0-7][0-9A-HJKMNP-TV-Z]{25}$") | {"description": "A ULID: the decision id."}
MOMENT: Final[JsonSchema] = words(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$") | {"description": "RFC 3339, UTC."}
REASON: Final[JsonSchema] = one_of(*Reason)
ADDRESSES: Final[JsonSchema] = words("^[0-9a-f.:]+$")
NAMED_CLIENT: Final[JsonSchema] = words(r"^([0-9a-f.:]+(/\d+)?|client-\d{4}-\d\d-[0-9a-f]{20})$") | {
    "description": "An address, a network, or the token of a client in a month, as `audit.client_address` says."
}
_VALUES: Final[JsonSchema] = {
    "type": "object",
    "additionalProperties": {"anyOf": [TEXT, array(TEXT)]},
}

CONNECTION_CLIENT: Final = part({"balancer": NAMED_CLIENT}, ip=NAMED_CLIENT, port=maybe(PORT))
CLIENT: Final = part(
    {"balancer": NAMED_CLIENT},
    ip=maybe(NAMED_CLIENT),
    port=maybe(PORT),
    user=maybe(TEXT),
    groups=array(TEXT),
)
REQUEST: Final = part(
    {"sent": TEXT, "respelt": {"const": True}, "tunnel": {"const": True}, "fields": _VALUES},
    method=maybe(TEXT),
    scheme=maybe(TEXT),
    host=maybe(TEXT),
    port=maybe(PORT),
    path=maybe(TEXT),
    query=maybe(_VALUES),
    protocol=maybe(words(r"^(http/1\.[01]|h2|h3|websocket|tcp)$")),
    size=maybe(COUNT),
)
TLS: Final = part(
    {"version": maybe(words(r"^1\.[0-3]$"))}, sni=maybe(TEXT), mode=maybe(one_of("inspected", "spliced", "terminated"))
)
RESPONSE: Final = part(type=maybe(TEXT) | {"description": "The media type of the answer that was judged."})
IDENTITY: Final = part(method=TEXT | {"description": "How the client proved who it is."})
DESTINATION: Final = part(ip=maybe(ADDRESSES), answers=array(ADDRESSES), parent=maybe(TEXT), original=maybe(TEXT))
_DECIDED: Final[dict[str, JsonSchema]] = {
    "verdict": one_of(*(verdict.value for verdict in Verdict)),
    "reason": REASON,
    "rule": maybe(TEXT) | {"description": "The rule, guardrail or limit that decided."},
    "place": maybe(TEXT) | {"description": "Its file and line."},
    "matched": array(TEXT),
    "waived": array(part(rule=TEXT, exception=TEXT)),
    "shadow": array(part(rule=TEXT, action=TEXT)),
    "unknown": array(one_of(*FactName)),
}
DECIDED: Final = part(**_DECIDED, status=maybe(STATUS), detail=maybe(TEXT))
DECIDED_LATER: Final = part(**_DECIDED, detail=maybe(TEXT))
ENTRY: Final = part(name=TEXT, entry=TEXT, age=maybe(TEXT))
LIMIT: Final = part(
    {"store": one_of("cluster", "local")},
    id=TEXT,
    key={"type": "object", "additionalProperties": {"type": ["string", "integer", "null"]}},
    quota=COUNT,
    window=maybe({"type": "number", "exclusiveMinimum": 0}),
    remaining=COUNT,
    reset=maybe({"type": "number", "minimum": 0}),
)
BYTES: Final = part(up=COUNT, down=COUNT)
UPSTREAM: Final = part(name=maybe(TEXT), server=TEXT, attempts=array(part(server=TEXT, reason=REASON)))
MODES: Final = one_of(*Mode)
