"""One record per event: the shape of the log, in one place.

A `decision` record has these keys, always all of them, in this order; the writer puts `v` and `seq` in front:

    v            the version of this shape: 1
    seq          1, 2, 3 ... without a gap, over all segments of the log
    time         RFC 3339, UTC, microseconds
    event        decision
    id           the decision id: what the client sees in `Wicketgate-Decision`; the `end` record repeats it
    listener     its name;  mode  forward | reverse;  engine  which engine moved the bytes
    client       {ip, port, user, groups}, and `balancer` where a PROXY header named the client: who sent it; where the
                 operator wants addresses hidden, `ip` is a network or a token and `port` is null
    request      {method, scheme, host, port, path, query, protocol, size}; query values masked, size in bytes; beside
                 them `sent` if a route lets the upstream be asked for another path, `respelt: true` if the path came
                 in another spelling, `tunnel: true` if a plain request came through a tunnel, and `fields`, by their
                 names, if the operator wants values of fields written down
    tls          {sni, mode: inspected | spliced | terminated | null, version: the one that was agreed upon, of a tunnel
                 the best that the client offered}, or null for a plain exchange
    destination  {ip: the address tried first, answers: every address that was judged, parent: the proxy it goes
                 through, original: where a redirected connection was on its way to}, or null if there is none of them
    decision     {verdict, reason, rule, place, matched, waived, shadow, unknown, status, detail}
    list         {name, entry, age} of the entry that decided, or null
    limits       [{id, key, quota, window, remaining, reset}] of the limits that counted: under which key, how much of
                 what is left; seconds, null where a limit counts what runs at the same time; `store` tells of a
                 limit that gateways count together where it was counted: cluster, or local while the store is away
    policy       {name, digest}
    masked       JSON pointers (RFC 6901) to what redaction changed
    identity     {method: how the client proved who it is}; only where it did there is this key
    answers      redirect | response: what the gateway answers by itself, without dialling; only then there is this key
    trace        the id of the trace that the exchange belongs to (W3C Trace Context); only where there are traces

What is not known is null. An `end` record closes every exchange: {event, id, status, bytes: {up, down}, seconds,
reason, destination}; `reason` says why it ended early, null for a whole one, `destination` the address that was really
connected: {ip}, or null, `unverified: true` that it went to a TLS server that nobody asked to prove who it is. If
something was decided later it has a `decision` too; `response` says of what {type} the answer was that was judged, if
one was (null if it did not say, masked if it said what is none); `upstream` names the server that a reverse listener
sent it to, and before it those that failed: {name, server, attempts: [{server, reason}]}. Other events are in
`gateway.audit.records.events`.

A record never holds a body, user information of an address, or what a field says to prove who somebody is.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Final, Literal

from gateway.audit.records.clients import hidden_entry, hidden_in
from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.limits import limits_object
from gateway.audit.records.redaction import mask_fields, mask_query, mask_sentence, mask_text, pointer
from gateway.audit.records.secrets import MASK
from gateway.audit.records.times import timestamp
from gateway.policy.explain import age_text, as_json
from gateway.policy.model import FactName, Missing, Mode
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.audit.records.clients import ClientName
    from gateway.policy.addresses import Address
    from gateway.policy.model import Decision, Fact, Facts, ListHit, Reason
    from gateway.policy.paths import Target

VERSION: Final = 1
"""The `v` of every record."""

type Record = dict[str, object]
"""One event, its keys in their order, values that JSON can hold; without `v` and `seq`."""

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS", "PATCH"})
_LIKE_A_METHOD: Final = re.compile(r"[A-Z]{1,12}(-[A-Z]{1,12}){0,2}")
"""As registered methods look: a client that lost count of its bytes may send anything in their place."""
_LIKE_A_TYPE: Final = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,126}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
"""As registered media types look (RFC 6838, section 4.2), in lower case."""
_KINDS: Final = 1024
"""Media types whose words are remembered."""
_USUAL: Final = Disclosure()


@dataclass(frozen=True, slots=True, kw_only=True)
class Circumstances:
    """What a decision record says besides facts and decision.

    `status` is what the client is answered (None: nothing, or not yet known); `dialled` the address tried first;
    `parent` the name of the proxy that it belongs to; `original` where a redirected connection was on its way to;
    `balancer` who named the client in a PROXY header;
    `disclosure` what may be written down beyond the usual; `sent` the path that is sent, if it is not the one that
    was judged; `answers` what the gateway answers by itself, if nothing is dialled; `trace` the id of its trace.
    """

    id: str
    listener: str
    mode: Mode
    client_port: int | None = None
    status: int | None = None
    dialled: Address | None = None
    parent: str | None = None
    original: tuple[Address, int] | None = None
    balancer: Address | None = None
    engine: str = "mitmproxy"
    disclosure: Disclosure = _USUAL
    sent: str | None = None
    answers: Literal["redirect", "response"] | None = None
    trace: str | None = None


def decision_record(facts: Facts, decision: Decision, about: Circumstances, now: float) -> Record:
    """The record of one decision, redacted. `now` in seconds since the epoch."""
    masked: list[str] = []
    record: Record = {
        "time": timestamp(now),
        "event": "decision",
        "id": about.id,
        "listener": about.listener,
        "mode": about.mode.value,
        "engine": about.engine,
        "client": client_object(facts, about),
        "request": request_object(facts, about, masked),
        "tls": tls_object(facts, about.mode),
        "destination": destination_object(facts, about),
        "decision": decision_with_status(decision, about.status),
        "list": list_object(decision.hit),
        "limits": limits_object(decision.limits, about.disclosure, masked) if decision.limits else [],
        "policy": {"name": decision.policy, "digest": decision.digest},
        "masked": masked,
    }
    if about.disclosure.client is not None:
        _hide_client(record, facts.client_ip, about.balancer, about.disclosure.client, now)
    if not isinstance(facts.identity_method, Missing):
        record["identity"] = identity_object(facts)
    if about.answers is not None:
        record["answers"] = about.answers
    if about.trace is not None:
        record["trace"] = about.trace
    return record


def end_record(  # noqa: PLR0913 - one keyword per key of the record
    *,
    decision_id: str,
    status: int | None,
    up: int,
    down: int,
    seconds: float,
    now: float,
    reason: Reason | None = None,
    reached: Address | None = None,
    unverified: bool = False,
    cache: str | None = None,
    kind: Fact[str] = Missing.UNKNOWN,
) -> Record:
    """The record that closes an exchange: bytes of bodies from the client (`up`) and to it (`down`).

    `unverified` says that it went to a TLS server that nobody asked to prove who it is; only then there is such a key.
    So it is with `cache`, which says what the cache of the route did, and with `kind`, the media type of the answer.
    """
    record: Record = {
        "time": timestamp(now),
        "event": "end",
        "id": decision_id,
        "status": status,
        "bytes": {"up": up, "down": down},
        "seconds": round(seconds, 6),
        "reason": None if reason is None else reason.value,
        "destination": None if reached is None else {"ip": str(reached)},
    }
    if kind is not Missing.UNKNOWN:
        record["response"] = response_object(kind)
    if cache is not None:
        record["cache"] = cache
    return record | {"unverified": True} if unverified else record


def decision_object(decision: Decision) -> Record:
    """A decision as it stands in a record; `detail` is the sentence of a refusal that no rule made."""
    said: Record = as_json(decision)
    said["place"] = _short(decision.place)
    said["detail"] = _detail(decision)
    return said


def decision_with_status(decision: Decision, status: int | None) -> Record:
    """A decision with what the client was answered, as it stands in a decision record."""
    said: Record = as_json(decision)
    said["place"] = _short(decision.place)
    said["status"] = status
    said["detail"] = _detail(decision)
    return said


def _detail(decision: Decision) -> str | None:
    said = decision.message if decision.rule is None and decision.message else None
    return mask_sentence(said) if said else None


def _known[T](fact: Fact[T]) -> T | None:
    return None if isinstance(fact, Missing) else fact


def _text(fact: Fact[object]) -> str | None:
    return None if isinstance(fact, Missing) else str(fact)


def client_object(facts: Facts, about: Circumstances) -> Record:
    """Who asks, by the address as it is."""
    client: Record = {
        "ip": _text(facts.client_ip),
        "port": about.client_port,
        "user": _text(facts.user),
        "groups": sorted(_known(facts.groups) or ()),
    }
    return client if about.balancer is None else client | {"balancer": str(about.balancer)}


def identity_object(facts: Facts) -> Record:
    """How the client proved who it is."""
    return {"method": _text(facts.identity_method)}


def request_object(facts: Facts, about: Circumstances, masked: list[str]) -> Record:
    """What is asked for; pointers to what was masked in it are put into `masked`."""
    target = _known(facts.target)
    request: Record = {
        "method": method_of(facts),
        "scheme": _text(facts.scheme),
        "host": _text(facts.host),
        "port": _known(facts.port),
        "path": None if target is None else path_of(target, masked),
        "query": None if target is None else query_of(target, about.disclosure.query, masked),
        "protocol": _text(facts.protocol),
        "size": _known(facts.request_size),
    }
    if about.sent is not None:
        request["sent"] = mask_text(about.sent)
    if target is not None and target.changed:
        request["respelt"] = True
    if facts.connect is True and facts.tls_inspected is Missing.ABSENT and facts.target is not Missing.UNKNOWN:
        request["tunnel"] = True
    if about.disclosure.fields and not isinstance(facts.headers, Missing):
        request["fields"] = shown = mask_fields(facts.headers.items, about.disclosure.fields)
        masked.extend(f"/request/fields/{pointer(name)}" for name, value in shown.items() if _has_mask(value))
    return request


def method_of(facts: Facts) -> str | None:
    """The method; of a CONNECT that is judged itself, CONNECT (its inner method is not known yet)."""
    method = _known(facts.method)
    if method is None:
        return "CONNECT" if facts.connect is True else None
    return method if method in _METHODS or _LIKE_A_METHOD.fullmatch(method) else MASK


def path_of(target: Target, masked: list[str]) -> str:
    """The path without what looks like a credential."""
    path = mask_text(target.path)
    if path != target.path:
        masked.append("/request/path")
    return path


def query_of(target: Target, shown: frozenset[str], masked: list[str]) -> Record:
    """The query with the values of `shown` names alone; empty if there is none."""
    if target.query is None:
        return {}
    query = mask_query(target.parameters(), shown)
    masked.extend(f"/request/query/{pointer(name)}" for name, value in query.items() if _has_mask(value))
    return dict(query)


def _has_mask(value: str | list[str]) -> bool:
    return any(MASK in each for each in ([value] if isinstance(value, str) else value))


def tls_object(facts: Facts, mode: Mode) -> Record | None:
    """The TLS that a request came in, if it did."""
    if facts.tls_inspected is Missing.ABSENT:
        return None
    opened = "terminated" if mode is Mode.REVERSE else "inspected"
    modes = {True: opened, False: "spliced", Missing.UNKNOWN: None}
    return {
        "sni": _text(facts.tls_sni),
        "mode": modes[facts.tls_inspected],
        "version": _known(facts.tls_version),
    }


def response_object(kind: Fact[str]) -> Record:
    """Of what media type an answer is."""
    return {"type": None if isinstance(kind, Missing) else _media_type(kind)}


@lru_cache(maxsize=_KINDS)
def _media_type(kind: str) -> str:
    """What a server called its answer, if that is a media type and no place for something else."""
    return mask_text(kind) if _LIKE_A_TYPE.fullmatch(kind) else MASK


def destination_object(facts: Facts, about: Circumstances) -> Record | None:
    """Where it goes, as far as anybody knows."""
    answers = _known(facts.destination_ips) or ()
    dialled = about.dialled or (answers[0] if answers else None)
    if dialled is None and about.original is None:
        return None
    return {
        "ip": None if dialled is None else str(dialled),
        "answers": [str(answer) for answer in answers],
        "parent": about.parent,
        "original": None if about.original is None else _spot(*about.original),
    }


def _spot(address: Address, port: int) -> str:
    return Host.of(address).authority(port)


def _short(place: str | None) -> str | None:
    """`corporate.yaml:21`: the folders of the machine are nobody's business who reads a log."""
    return None if place is None else place.rpartition("/")[2]


def list_object(hit: ListHit | None) -> Record | None:
    """The entry of a list that decided, if one did."""
    if hit is None:
        return None
    return {"name": hit.name, "entry": hit.entry, "age": None if hit.age is None else age_text(hit.age)}


def _hide_client(
    record: Record, client: Fact[Address], balancer: Address | None, named: ClientName, now: float
) -> None:
    """Write the client's name in place of its address, wherever a record may hold that."""
    who, masked = record["client"], record["masked"]
    if not isinstance(who, dict) or not isinstance(masked, list):
        raise TypeError("a decision record has a client")
    who["port"] = None
    masked.append("/client/port")
    if balancer is not None:
        who["balancer"] = named(balancer, now)
        masked.append("/client/balancer")
    if isinstance(client, Missing):
        return
    who["ip"] = name = named(client, now)
    masked.append("/client/ip")
    _hide_elsewhere(record, client, name)


def _hide_elsewhere(record: Record, client: Address, name: str) -> None:
    """A client's address may stand in what it asked for, in the entry of a list, in the key of a limit, in words."""
    for part in ("request", "decision", "limits"):
        record[part] = hidden_in(record[part], client, name)
    for key in _keys_of_limits(record):
        if FactName.CLIENT_IP in key:
            key[FactName.CLIENT_IP.value] = name
    hit = record["list"]
    if isinstance(hit, dict):
        hit["entry"] = hidden_entry(hit["entry"], client, name)


def _keys_of_limits(record: Record) -> Iterator[Record]:
    limits = record["limits"]
    for limit in limits if isinstance(limits, list) else ():
        yield limit["key"]
