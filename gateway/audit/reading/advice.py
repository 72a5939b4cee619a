"""What would have to change for a request that was refused: in words, and as YAML to copy where a policy can say it.

A proposal is as narrow as the request: this host and this client, for two weeks. Whether it should be made is for
people to decide.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.telling import part, rule_of
from gateway.policy.addresses import Address
from gateway.policy.builtin import CONNECT_PORT, SPECIAL
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from gateway.audit.reading.refusals import Refusal
    from gateway.audit.records.record import Record

_DAYS: Final = 14
_LIMITS: Final = frozenset({"rate-exceeded", "concurrency-exceeded", "limit-table-full"})
_WORDS: Final[Mapping[str, str]] = {
    "name-mismatch": "the tunnel was asked for one host and the request in it is for another: it has to be one",
    "no-route": "no route leads there: add one to the listener, or ask for another path",
    "policy-changed": "the policy changed while the request was under way: ask again",
    "gateway-stopped": "the gateway was stopped while the request was under way: ask again",
    "limits-unavailable": "what gateways count together could not be asked: see to the store of `limits_store`",
    "audit-unavailable": "the log cannot be written: see to the disk of the state folder",
    "capacity": "the gateway was full: try again, or raise `limits` in the configuration",
    "identity-required": "the policy has to know who asks: the client has to log in",
    "no-certificate": "the client has to show a certificate that the listener believes",
}
_FAMILIES: Final = (
    ("upstream-", "no rule refused it: the server could not be reached or believed, see to that"),
    ("parent-", "no rule refused it: the proxy that it goes through did not let it pass"),
    ("body-", "the body was too large or did not come: see `limits` in the configuration"),
    ("head-", "the head was too large or did not come: see `limits` in the configuration"),
)
_ELSE: Final = "no rule of the policy decided it: docs/reference/audit-record.md says what `{reason}` means"


@dataclass(frozen=True, slots=True)
class Advice:
    """What would have to change, and the lines of YAML that would do it; none where no policy can."""

    words: str
    yaml: tuple[str, ...] = ()


def advice(refusal: Refusal, waives: Sequence[str], now: float) -> Advice:
    """The way out of a refusal; `waives` are the deny rules that an exception would have to lift, all of them."""
    record, reason = refusal.record, refusal.reason
    rule = part(refusal.end or record, "decision").get("rule")
    if reason == "guardrail":
        return _guardrail(record, str(rule))
    if reason == "rule-deny":
        words = f"an exception can lift {_listed(waives)} for this host and this client, or the rule can be changed"
        return Advice(words, _exception(record, waives, now))
    if reason == "default":
        words = "no rule allows it, and the default is to deny: a rule can allow this host for this client"
        return Advice(words, _rule(record))
    if reason in _LIMITS:
        return Advice(f"it was too much for {rule_of(record)}: wait, or raise `rate`, `burst` or `concurrent` there")
    family = next((words for begin, words in _FAMILIES if reason.startswith(begin)), _ELSE.format(reason=reason))
    return Advice(_WORDS.get(reason, family))


def _guardrail(record: Record, rule: str) -> Advice:
    answers = part(record, "destination").get("answers") or _only(part(record, "request").get("host"))
    port = part(record, "request").get("port")
    if rule == SPECIAL and answers:
        words = "the name leads to a special-purpose address, and no exception lifts that: the policy can open it"
        return Advice(words, (f"unsafe_destinations: {_flow(map(str, answers))}",))
    if rule == CONNECT_PORT and port is not None:
        words = "tunnels may not be opened to this port, and no exception lifts that: the policy can open it"
        return Advice(words, (f"connect_ports: [443, {port}]",))
    return Advice(f"no exception lifts a guardrail, it can only be changed where it stands: {rule_of(record)}")


def _rule(record: Record) -> tuple[str, ...]:
    return (
        "rules:",
        f"  - id: {_name('allow', record)}",
        "    action: allow",
        "    reason: Why it may be",
        f"    when: {_when(record)}",
    )


def _exception(record: Record, waives: Sequence[str], now: float) -> tuple[str, ...]:
    ends = (datetime.fromtimestamp(now, UTC) + timedelta(days=_DAYS)).date()
    return (
        "exceptions:",
        f"  - id: {_name('let', record)}",
        f"    waives: {_flow(waives)}",
        f"    when: {_when(record)}",
        f"    expires: {ends.isoformat()}",
        "    owner: whoever-answers-for-it@corp.example",
        "    reason: Why it may be, and until when",
    )


def _when(record: Record) -> str:
    host, client = part(record, "request").get("host"), part(record, "client")
    conditions = [f"host: {{is: [{_plain(str(host))}]}}"] if host else []
    if client.get("user"):
        conditions.append(f"user: [{json.dumps(client['user'])}]")
    else:
        conditions += [f"client.ip: {{in: [{_plain(each)}]}}" for each in _only(client.get("ip"))]
    return f"{{{', '.join(conditions)}}}"


def _only(text: object) -> list[str]:
    """An address, if that is what the log has: a host may be a name, and so may a client."""
    try:
        return [str(Address.parse(str(text)))]
    except Malformed:
        return []


def _name(begin: str, record: Record) -> str:
    host = re.sub(r"[^a-z0-9]+", "-", str(part(record, "request").get("host") or "it").lower()).strip("-")
    return f"{begin}-{host}"[:60]


def _plain(text: str) -> str:
    """A text of YAML, in quotation marks where it needs them."""
    return text if re.fullmatch(r"[a-z][a-z0-9.-]*|[0-9.]+/?[0-9]*", text) else json.dumps(text)


def _flow(values: Iterable[str]) -> str:
    return f"[{', '.join(map(_plain, values))}]"


def _listed(rules: Sequence[str]) -> str:
    return ", ".join(f"`{each}`" for each in rules)
