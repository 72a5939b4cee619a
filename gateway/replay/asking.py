"""What a policy asks about a request, and so which records are one question to it."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.checks import document_selections
from gateway.policy.model import OPEN_FACTS, FactName

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.language.conditions import Condition
    from gateway.policy.language.document import PolicyDocument

_HOST_FIELD: Final = "host"
_MINUTE: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the rules, limits and `tls` of a policy look at.

    `learnt` are those of the `facts` that a gateway knows by the last word, if they are there at all. `fields` are the
    request's fields but for Host, `present` and `values` the query parameters of which it asks whether they are there,
    and what they say. `bounds` are the sizes of a request at which an answer may change.
    """

    facts: frozenset[FactName]
    learnt: frozenset[FactName]
    fields: frozenset[str]
    present: frozenset[str]
    values: frozenset[str]
    bounds: tuple[int, ...]
    is_timed: bool

    def question(self, record: dict[str, Any], now: float) -> tuple[object, ...]:
        """Everything in a decision record that this policy can see: equal questions have equal answers."""
        client, request, said = record["client"], record["request"], record["decision"]
        tls, destination = record["tls"], record["destination"]
        facts, size = self.facts, request["size"]
        return (
            record["listener"],
            client["ip"] if FactName.CLIENT_IP in facts else None,
            client["user"],
            repr(record.get("identity")),
            tuple(client["groups"]),
            request["method"],
            request["scheme"],
            request["host"],
            request["port"],
            *self._target(record, request),
            request["protocol"],
            request.get("tunnel"),
            None if size is None else (bisect_left(self.bounds, size), bisect_right(self.bounds, size)),
            None if tls is None else (tls["sni"], tls["mode"], tls.get("version")),
            None if destination is None else (tuple(destination["answers"]), destination["parent"]),
            said["verdict"],
            tuple(said["unknown"]),
            int(now // _MINUTE) if self.is_timed else None,
        )

    def _target(self, record: dict[str, Any], request: dict[str, Any]) -> Iterator[object]:
        is_known = request["path"] is not None
        if FactName.PATH in self.facts:
            yield from (request["path"], request.get("sent"), request.get("respelt"))
            yield "/request/path" in record["masked"]
        else:
            yield is_known
        yield repr(request["query"]) if self.present or self.values else None
        yield repr(request.get("fields")) if self.fields else None


def asked_by(document: PolicyDocument, policy: CompiledPolicy) -> Asked:
    """What a policy asks; `policy` is what `document` was compiled to."""
    conditions = tuple(_conditions(document))
    keys = tuple(key for limit in policy.limits for key in limit.spec.key)
    clauses = [rule.clause for rule in policy.rules.values()]
    clauses += [exception.clause for exception in policy.exceptions] + [limit.clause for limit in policy.limits]
    facts = {name for clause in clauses for name in clause.facts}
    facts |= {FactName(condition.name) for condition in conditions} | {fact_of_key(key) for key in keys}
    if FactName.GROUP in facts:
        facts |= {FactName.USER, FactName.CLIENT_IP}
    return Asked(
        facts=frozenset(facts),
        learnt=frozenset(facts) - OPEN_FACTS - {FactName.TIME},
        fields=_arguments(conditions, keys, "header") - {_HOST_FIELD},
        present=frozenset(each.argument or "" for each in conditions if _is_presence(each)),
        values=_arguments([each for each in conditions if not _is_presence(each)], keys, "query"),
        bounds=policy.size_bounds,
        is_timed=FactName.TIME in facts or bool(policy.exceptions),
    )


def fact_of_key(key: str) -> FactName:
    """The fact that a part of a limit's key reads."""
    return FactName(key.partition(".")[0] if key.startswith(("header.", "query.")) else key)


def _conditions(document: PolicyDocument) -> Iterator[Condition]:
    for selection in (*document_selections(document), *(splice.selection for splice in document.tls.splice)):
        yield from selection.conditions
    if not isinstance(document.tls.inspect, str):
        yield from document.tls.inspect


def _is_presence(condition: Condition) -> bool:
    return condition.name == FactName.QUERY and condition.operator == "present"


def _arguments(conditions: tuple[Condition, ...] | list[Condition], keys: tuple[str, ...], kind: str) -> frozenset[str]:
    """The names of the fields, or of the parameters, that are asked for."""
    named = {
        condition.argument.lower() if kind == "header" else condition.argument
        for condition in conditions
        if condition.name == kind and condition.argument is not None
    }
    return frozenset(named | {key.partition(".")[2] for key in keys if key.startswith(f"{kind}.")})
