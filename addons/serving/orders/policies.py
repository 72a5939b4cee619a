"""Orders about what is in force: the rules and how often each had a say, and what a request would meet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from addons.serving.control import Refused
from addons.serving.orders.giving import only
from gateway.audit.records.times import timestamp
from gateway.policy.analysis.requests import Question, facts_of, judge
from gateway.policy.explain import as_json, explain
from gateway.policy.fired import Uses
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from addons.serving.control import Caller
    from addons.serving.listeners import Listener
    from addons.serving.orders.desk import Desk
    from gateway.policy.analysis.given import Texts
    from gateway.policy.compiled import CompiledPolicy

_ASKED: Final = ("url", "method", "client", "user", "group", "destination", "size", "listener")
_FACTS: Final = {
    "client": "client.ip",
    "user": "user",
    "group": "group",
    "destination": "destination.ip",
    "size": "request.size",
}


async def policies(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """The policy of every listener: its clauses, where they stand, and how often each had a say since it was loaded."""
    only(given)
    return {"policies": [_policy(each) for each in desk.engine.listeners]}


def _policy(listener: Listener) -> dict[str, Any]:
    store, gate = listener.store, listener.store.current
    policy, uses = gate.policy, gate.fired.uses()
    clauses = [clause | _fired(uses.get(clause["id"], Uses())) for clause in _clauses(policy)]
    return {
        "listener": listener.name,
        "mode": listener.mode.value,
        "name": policy.name,
        "digest": policy.digest,
        "file": str(store.file),
        "loaded": timestamp(store.loaded),
        "default": "allow" if policy.allows_by_default else "deny",
        "kept_because": [str(problem) for problem in store.refused],
        "rules": clauses,
        "never_fired": [each["id"] for each in clauses if not each["fired"]],
    }


def _fired(uses: Uses) -> dict[str, Any]:
    return {
        "fired": max(uses.matched, uses.decided) + uses.shadow + uses.waived,
        "decided": uses.decided,
        "matched": uses.matched,
        "shadow": uses.shadow,
        "waived": uses.waived,
    }


def _clauses(policy: CompiledPolicy) -> Iterator[dict[str, Any]]:
    for rule in sorted(policy.rules.values(), key=lambda each: (each.allows, each.rank)):
        kind = "guardrail" if rule.guardrail else "allow" if rule.allows else "deny"
        yield _clause(rule.id, kind, rule.place, rule.reason, on_trial=rule.shadow)
    for exception in policy.exceptions:
        yield _clause(exception.id, "exception", exception.place, exception.reason, on_trial=False)
    for limit in policy.limits:
        yield _clause(limit.id, "limit", limit.place, None, on_trial=limit.shadow)


def _clause(name: str, kind: str, place: str | None, reason: str | None, *, on_trial: bool) -> dict[str, Any]:
    return {"id": name, "kind": kind, "place": place, "reason": reason, "stage": "shadow" if on_trial else "enforce"}


async def explaining(desk: Desk, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    """What would become of a request under what is in force, and why. Nothing is counted, nothing is charged.

    Raises Malformed for a question that makes no sense.
    """
    only(given, *_ASKED)
    if "url" not in given:
        raise Refused("say what is asked for: `url`, like `https://example.com/`")
    listener = desk.listener(given)
    facts: dict[str, Texts] = {fact: _texts(given[name]) for name, fact in _FACTS.items() if name in given}
    question = Question(url=given["url"], method=given.get("method", "GET"), given=facts)
    policy = listener.store.current.policy
    known = facts_of(question, listener.mode, desk.clock())
    decision = judge(Gate(policy, LimitTable(policy.limit_specs)), known)
    return {
        "listener": listener.name,
        "policy": {"name": policy.name, "digest": policy.digest},
        "decision": as_json(decision),
        "message": decision.message,
        "why": list(explain(decision, policy, known)),
    }


def _texts(written: str) -> tuple[str, ...]:
    return tuple(each.strip() for each in written.split(",") if each.strip())
