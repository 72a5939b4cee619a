"""`wicketgate policy explain`: what would become of a request, and why.

The question is answered by the gate that enforces. Names are not resolved: whoever asks says where the host leads, or
hears that nobody knows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK, Unusable
from gateway.cli.output import answer
from gateway.cli.policy_files import open_policy
from gateway.policy.analysis.requests import Question, facts_of, judge
from gateway.policy.errors import Malformed
from gateway.policy.explain import as_json, explain
from gateway.policy.gate import Gate
from gateway.policy.limits import LimitTable
from gateway.policy.model import FactName, Mode
from gateway.policy.problems import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.model import Decision

_WAYS = {FactName.CLIENT_IP: "--client", FactName.DESTINATION_IP: "--destination", FactName.REQUEST_SIZE: "--size"}


def ask(path: Path, mode: Mode, question: Question, form: str, now: float) -> int:
    """Answer a question; 0 for an allow, 1 for a deny, 3 for a deny only because something is not known.

    Raises Unusable for a policy or a question that makes no sense.
    """
    try:
        policy = open_policy(path, mode, now).compiled
        facts = facts_of(question, mode, now)
    except Invalid as error:
        raise Unusable(*map(str, error.problems)) from None
    except Malformed as error:
        raise Unusable(str(error)) from None
    decision = judge(Gate(policy, LimitTable(policy.limit_specs)), facts)
    why = explain(decision, policy, facts)
    answer(
        form, (*why, *_hints(decision)), {"decision": as_json(decision), "message": decision.message, "why": list(why)}
    )
    return _code(decision)


def _hints(decision: Decision) -> tuple[str, ...]:
    return tuple(f"  say what {name} is with `{_WAYS.get(name, '--with')}`" for name in decision.unknown)


def _code(decision: Decision) -> int:
    if decision.allowed:
        return OK
    return CANNOT_DECIDE if decision.unknown else FINDINGS
