"""The records of every request, put together from text: the same bytes as the plain way gives, for a third of the time.

The plain way is a dictionary of some thirty parts (`gateway.audit.records.record`) that is encoded as a whole. Here
what repeats is encoded once, for a connection (`phrases`), a policy, a path, and only numbers are written anew. What
does not repeat, or is rare, is taken from the plain way, part by part or as a whole. No value is ever put into a text
but by the encoder, and tests hold that both ways agree on every byte.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from gateway.audit.records.record import (
    Circumstances,
    decision_record,
    decision_with_status,
    identity_object,
    list_object,
    path_of,
    query_of,
    request_object,
    response_object,
)
from gateway.audit.records.times import timestamp
from gateway.audit.writing.encoding import NotSaid, body, is_plain, number, part
from gateway.policy.model import Missing, Mode

if TYPE_CHECKING:
    from collections.abc import Hashable, Sized
    from typing import Literal

    from gateway.audit.writing.phrases import Phrases
    from gateway.policy.addresses import Address
    from gateway.policy.model import Decision, Fact, Facts
    from gateway.policy.paths import Target

    type Answers = Literal["redirect", "response"]

_MOST: Final = 1024
"""Texts of a kind that are remembered; then it begins anew."""
_LONGEST: Final = 256
"""Characters of a path, a method or a media type that is remembered."""
_ANY: Final = Circumstances(id="", listener="", mode=Mode.FORWARD)


@dataclass(slots=True)
class Wording:
    """Words the records of one log; it remembers what repeats. Not safe for threads: the backlog has a lock for it."""

    _asked: dict[Hashable, tuple[str, str]] = field(default_factory=dict)
    _paths: dict[str, str] = field(default_factory=dict)
    _decided: dict[Hashable, tuple[str, str]] = field(default_factory=dict)
    _servers: dict[tuple[str | None, str], str] = field(default_factory=dict)
    _addresses: dict[Address, str] = field(default_factory=dict)
    _kinds: dict[Fact[str], str] = field(default_factory=dict)

    def decision(  # noqa: PLR0913 - what differs from one record of a connection to the next
        self,
        phrases: Phrases,
        facts: Facts,
        decision: Decision,
        now: float,
        *,
        id: str,  # noqa: A002 - as everywhere in records
        status: int | None = None,
        dialled: Address | None = None,
        parent: str | None = None,
        sent: str | None = None,
        answers: Answers | None = None,
        trace: str | None = None,
    ) -> bytes:
        """The body of `decision_record` for a connection, and these of its `Circumstances`. Raises what that raises."""
        about = phrases.about
        if about.disclosure.client is None:
            try:
                masked: list[str] = []
                client, destination = phrases.around(facts, dialled, parent)
                request = self._request(phrases, facts, sent, masked)
                said, policy = self._said(decision, status)
                limits = phrases.limits(decision.limits, masked) if decision.limits else "[]"
                text = (
                    f'"time":"{timestamp(now)}","event":"decision","id":{part(id)}{client},"request":{request}'
                    f"{destination}{said}{limits}{policy}{part(masked) if masked else '[]'}"
                    f"{'' if isinstance(facts.identity_method, Missing) else _identified(facts)}"
                    f"{'' if answers is None else f',"answers":{part(answers)}'}"
                    f"{'' if trace is None else f',"trace":{part(trace)}'}}}"
                )
                if is_plain(text):
                    return text.encode()
            except NotSaid:
                pass
        about = replace(
            about, id=id, status=status, dialled=dialled, parent=parent, sent=sent, answers=answers, trace=trace
        )
        return body(decision_record(facts, decision, about, now))

    def end(  # noqa: PLR0913 - one keyword per key of the record
        self,
        now: float,
        *,
        id: str,  # noqa: A002 - as everywhere in records
        status: int | None,
        up: int,
        down: int,
        seconds: float,
        reached: Address | None,
        unverified: bool,
        cache: str | None,
        kind: Fact[str],
        server: tuple[str | None, str] | None,
    ) -> bytes | None:
        """The body of `end_record` for an exchange that ended as it should, or None if it has to be said the plain way.

        `server` has the names of the upstream and of its server, if it was one of several.
        """
        try:
            text = (
                f'"time":"{timestamp(now)}","event":"end","id":{part(id)},'
                f'"status":{"null" if status is None else status},'
                f'"bytes":{{"up":{up},"down":{down}}},"seconds":{number(round(seconds, 6))},"reason":null,'
                f'"destination":{"null" if reached is None else self._reached(reached)}'
                f"{'' if kind is Missing.UNKNOWN else self._answered(kind)}"
                f"{'' if cache is None else f',"cache":{part(cache)}'}{',"unverified":true' if unverified else ''}"
                f"{'' if server is None else self._server(server)}}}"
            )
        except NotSaid:
            return None
        return text.encode() if is_plain(text) else None

    def __len__(self) -> int:
        """How many texts are remembered."""
        remembered: tuple[Sized, ...] = (
            self._asked,
            self._paths,
            self._decided,
            self._servers,
            self._addresses,
            self._kinds,
        )
        return sum(map(len, remembered))

    def _request(self, phrases: Phrases, facts: Facts, sent: str | None, masked: list[str]) -> str:
        target, shown = facts.target, phrases.about.disclosure
        is_in_tunnel = facts.connect is True and facts.tls_inspected is Missing.ABSENT
        if isinstance(target, Missing) or target.changed or sent is not None or is_in_tunnel or shown.fields:
            about = Circumstances(id="", listener="", mode=phrases.about.mode, disclosure=shown, sent=sent)
            return part(request_object(facts, about, masked))
        host, size = facts.host, facts.request_size
        key = (
            *(facts.method, facts.connect, facts.scheme, host if isinstance(host, Missing) else host.text),
            *(facts.port, facts.protocol),
        )
        begin, end = self._asked.get(key) or self._ask(key, facts)
        path = self._paths.get(target.path) or self._path(target, masked)
        query = "{}" if target.query is None else part(query_of(target, shown.query, masked))
        return f'{begin}{path},"query":{query}{end}{"null" if isinstance(size, Missing) else size}}}'

    def _ask(self, key: Hashable, facts: Facts) -> tuple[str, str]:
        """A request up to its path, and from behind its query up to its size."""
        asked = request_object(replace(facts, target=Missing.UNKNOWN), _ANY, [])
        begin = part({name: asked[name] for name in ("method", "scheme", "host", "port")})[:-1] + ',"path":'
        text = (begin, f',"protocol":{part(asked["protocol"])},"size":')
        is_short = isinstance(facts.method, Missing) or len(facts.method) <= _LONGEST
        return _remembered(self._asked, key, text) if is_short else text

    def _path(self, target: Target, masked: list[str]) -> str:
        before = len(masked)
        text = part(path_of(target, masked))
        if len(masked) > before or len(target.path) > _LONGEST:
            return text
        return _remembered(self._paths, target.path, text)

    def _said(self, decision: Decision, status: int | None) -> tuple[str, str]:
        """What was decided, up to the limits, and the policy that is told behind them."""
        if decision.hit is not None or (decision.rule is None and decision.message):
            return _as_said(decision, status)  # its age is another every time; the sentence may quote a client
        key = (
            *(decision.reason, decision.rule, decision.place, status, decision.policy, decision.digest),
            *(decision.matched, decision.waived, decision.shadow, decision.unknown),
        )
        return self._decided.get(key) or _remembered(self._decided, key, _as_said(decision, status))

    def _reached(self, address: Address) -> str:
        return self._addresses.get(address) or _remembered(self._addresses, address, part({"ip": str(address)}))

    def _answered(self, kind: Fact[str]) -> str:
        return self._kinds.get(kind) or self._kind(kind)

    def _kind(self, kind: Fact[str]) -> str:
        text = f',"response":{part(response_object(kind))}'
        is_short = isinstance(kind, Missing) or len(kind) <= _LONGEST
        return _remembered(self._kinds, kind, text) if is_short else text

    def _server(self, key: tuple[str | None, str]) -> str:
        return self._servers.get(key) or _remembered(self._servers, key, _as_served(*key))


def _identified(facts: Facts) -> str:
    return f',"identity":{part(identity_object(facts))}'


def _as_said(decision: Decision, status: int | None) -> tuple[str, str]:
    said = {"decision": decision_with_status(decision, status), "list": list_object(decision.hit)}
    policy = {"policy": {"name": decision.policy, "digest": decision.digest}}
    return f',{part(said)[1:-1]},"limits":', f',{part(policy)[1:-1]},"masked":'


def _as_served(upstream: str | None, server: str) -> str:
    return f',"upstream":{part({"name": upstream, "server": server, "attempts": []})}'


def _remembered[Key, Text](texts: dict[Key, Text], key: Key, text: Text) -> Text:
    """Keep a text, but never more than so many: what is asked for comes from outside."""
    if len(texts) >= _MOST:
        texts.clear()
    texts[key] = text
    return text
