"""From a decision record back to the facts that were judged, as far as the record holds them.

What a record does not hold was known when it was judged, so it is no unknown fact of the request: it is `hidden`, and
whatever depends on it cannot be told. A request that was refused before all of it was learnt hides all that came later.
What a record leaves out because it was not there (no user, a plain exchange, an answer of the gateway itself, which
goes nowhere) is absent, as it was then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote_plus

from gateway.audit.records.redaction import LONGEST_VALUE
from gateway.audit.records.secrets import MASK
from gateway.policy.addresses import Address
from gateway.policy.checks import DESTINATION_FACTS
from gateway.policy.errors import Malformed, TooLong
from gateway.policy.findings import value_of
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, Fact, FactName, Facts, Missing, Mode
from gateway.policy.names import Host
from gateway.policy.paths import Target, TargetRules

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.replay.asking import Asked

type Record = dict[str, Any]

_OUTSIDE: Final = frozenset({FactName.METHOD, FactName.PATH, FactName.QUERY, FactName.HEADER, FactName.REQUEST_SIZE})
"""What nobody learns of a tunnel that is passed on unread."""
_OPENED: Final[dict[str | None, Fact[bool]]] = {"inspected": True, "terminated": True, "spliced": False, None: UNKNOWN}
_AS_READ: Final = TargetRules(encoded_slash="keep", slashes="keep", max_length=1 << 16, strict=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class Recalled:
    """A request as the log remembers it.

    `hidden` are the facts that are asked for, are unknown here and were, or would have been, known to the gateway.
    `spliced` says that it is a tunnel that was passed on unread.
    """

    facts: Facts
    hidden: frozenset[FactName]
    spliced: bool = False


def moment_of(record: Record) -> float:
    """When a record was made, in seconds since the epoch."""
    return datetime.fromisoformat(record["time"]).timestamp()


def recall(record: Record, asked: Asked, now: float) -> Recalled:
    """The request of a decision record; `asked` says which fields and parameters are worth reading."""
    spliced = record["request"]["protocol"] == "tcp"
    facts = _facts(record, asked, now)
    hidden = {name for name in asked.learnt if value_of(facts, name) is UNKNOWN}
    if spliced:
        hidden -= _OUTSIDE
    elif record["request"]["path"] is None:
        hidden.add(FactName.REQUEST_SIZE)
    if facts.destination_ips is ABSENT:
        hidden -= DESTINATION_FACTS
    counted = {FactName(name) for name in record["decision"]["unknown"]}
    return Recalled(facts=facts, hidden=frozenset(hidden - counted), spliced=spliced)


def _is_early(record: Record) -> bool:
    """Whether a request was refused before anybody looked where it goes, if its destination is not on record."""
    said = record["decision"]
    return said["verdict"] == "deny" and not said["unknown"]


def _facts(record: Record, asked: Asked, now: float) -> Facts:
    client, request, tls = record["client"], record["request"], record["tls"]
    is_request = request["path"] is not None
    where, place = _destinations(record)
    return Facts(
        now=now,
        client_ip=_address(client["ip"]),
        destination_ips=where,
        destination_country=place,
        destination_asn=place,
        host=_host(request["host"]),
        port=_known(request["port"]),
        scheme=_known(request["scheme"]),
        method=UNKNOWN if request["method"] in (MASK, "CONNECT") else _known(request["method"]),
        target=_target(record, request, asked) if is_request else UNKNOWN,
        headers=_fields(request, asked) if is_request and FactName.HEADER in asked.facts else UNKNOWN,
        request_size=_known(request["size"]),
        user=ABSENT if client["user"] is None else client["user"],
        groups=frozenset(client["groups"]) if client["groups"] else ABSENT,
        identity_method=_identified(record),
        protocol=_known(request["protocol"]),
        connect=tunnelled(record),
        tls_sni=_server_name(tls),
        tls_version=ABSENT if tls is None else _known(tls.get("version")),
        tls_inspected=ABSENT if tls is None else _OPENED[tls["mode"]],
    )


def _server_name(tls: Record | None) -> Fact[Host]:
    """The name that a hello asked for; of a tunnel whose hello did not come yet, nobody knows."""
    if tls is None:
        return ABSENT
    if tls["sni"] is None:
        return UNKNOWN if tls["mode"] is None else ABSENT
    return _host(tls["sni"])


def kind_of(end: Record) -> Fact[str]:
    """The media type of the answer that was judged, as far as the end of an exchange tells it."""
    response = end.get("response")
    if response is None:
        return UNKNOWN
    kind: str | None = response["type"]
    if kind is None:
        return ABSENT
    return UNKNOWN if MASK in kind else kind


def _identified(record: Record) -> Fact[str]:
    """How the client proved who it is. Of old records only a client that did not is known."""
    identity = record.get("identity")
    if identity is not None:
        return str(identity["method"])
    return ABSENT if record["client"]["user"] is None else UNKNOWN


def _known[T](value: T | None) -> Fact[T]:
    return UNKNOWN if value is None else value


def _address(text: str | None) -> Fact[Address]:
    """An address; a network or a token in its place says who it was only to people."""
    try:
        return UNKNOWN if text is None else Address.parse(text)
    except Malformed:
        return UNKNOWN


def _host(text: str | None) -> Fact[Host]:
    try:
        return UNKNOWN if text is None else Host.parse(text)
    except Malformed:
        return UNKNOWN


def _destinations(record: Record) -> tuple[Fact[tuple[Address, ...]], Missing]:
    """The addresses, and where they are on the map: the record does not say, and what goes nowhere is nowhere."""
    destination = record["destination"]
    if destination is not None and destination["answers"]:
        return tuple(map(Address.parse, destination["answers"])), UNKNOWN
    if destination is not None and destination["parent"] is not None:
        return ABSENT, UNKNOWN
    return (UNKNOWN, UNKNOWN) if _is_early(record) else (ABSENT, ABSENT)


def tunnelled(record: Record) -> Fact[bool]:
    """Whether it came through a tunnel: TLS on a forward listener always does."""
    request = record["request"]
    if record["mode"] == Mode.REVERSE:
        return False
    if request["method"] == "CONNECT" or request["protocol"] == "tcp" or request.get("tunnel"):
        return True
    if request["path"] is None:
        return UNKNOWN
    return record["tls"] is not None


def _target(record: Record, request: Record, asked: Asked) -> Fact[Target]:
    """The canonical target. One that was masked, or that came in another spelling which a deny would see, is none."""
    sent = request.get("sent")
    if FactName.PATH in asked.facts:
        if "/request/path" in record["masked"] or request.get("respelt") or (sent is not None and MASK in sent):
            return UNKNOWN
        path = request["path"]
    else:
        path, sent = "/", None
    query, is_hidden = _query(request["query"] or {}, asked)
    try:
        target = Target.parse(path if query is None else f"{path}?{query}", _AS_READ)
    except (Malformed, TooLong):
        return UNKNOWN
    if sent is not None:
        target = target.known_as(sent)
    if not is_hidden:
        return target
    return Target(target.raw, target.path, None, target.forms, target.changed, target.aliases, query_hidden=True)


def _query(query: Record, asked: Asked) -> tuple[str | None, bool]:
    """The query as far as it is asked for, and whether what is asked cannot be read from the record."""
    names = asked.present | asked.values
    if not names or not query:
        return None, False
    if MASK in query and not names <= query.keys():
        return None, True
    found = {name: query[name] if isinstance(query[name], list) else [query[name]] for name in names & query.keys()}
    if any(MASK in value for name in asked.values & found.keys() for value in found[name]):
        return None, True
    pairs = ((name, value) for name, values in sorted(found.items()) for value in values)
    return "&".join(f"{quote_plus(name)}={quote_plus(value)}" for name, value in pairs), False


def _fields(request: Record, asked: Asked) -> Fact[Fields]:
    """The fields, if the record holds all that are asked for: of one that it does not hold, nobody knows anything."""
    shown: Record = request.get("fields") or {}
    if not asked.fields <= shown.keys() or request["host"] is None:
        return UNKNOWN
    lines = [("host", _authority(request)), *_lines(shown, asked.fields)]
    is_cut = any(MASK in value or len(value) >= LONGEST_VALUE for _, value in lines)
    return UNKNOWN if is_cut else Fields.of(lines)


def _lines(shown: Record, wanted: Iterable[str]) -> list[tuple[str, str]]:
    return [
        (name, value)
        for name in sorted(wanted)
        for value in (shown[name] if isinstance(shown[name], list) else [shown[name]])
    ]


def _authority(request: Record) -> str:
    usual = {"http": 80, "https": 443}.get(request["scheme"])
    host = _host(request["host"])
    if not isinstance(host, Host) or request["port"] is None:
        return MASK
    return host.authority(request["port"], usual)
