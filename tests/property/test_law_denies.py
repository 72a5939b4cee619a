"""Law 2: adding a deny never turns a deny into an allow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.model import Decision
from tests.strategies import denies, facts, forgotten, gate, guardrails, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words


@given(
    policy=policies(),
    added=st.one_of(denies(), guardrails()),
    request=requests(),
    lost=lapses(),
    mode=modes(),
)
def test_adding_a_deny_never_turns_a_deny_into_an_allow(
    policy: Words, added: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    section = "rules" if "action" in added else "guardrails"
    stricter = {**policy, section: [*policy[section], {"id": "added", "reason": "R", **added}]}
    before, after = gate(policy, mode), gate(stricter, mode)
    known = forgotten(facts(request), lost)

    for phase in ("connection", "connect", "hello", "request", "upstream", "size", "response", "tunnel"):
        was, now = getattr(before, phase)(known), getattr(after, phase)(known)
        if isinstance(was, Decision) and was.denied:
            assert isinstance(now, Decision), phase
            assert now.denied, (phase, was.reason, now.reason)
        elif isinstance(now, Decision) and now.denied:
            assert now.rule == "added", phase
