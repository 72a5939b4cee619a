"""Law 1: reordering rules or files changes no decision."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from hypothesis import given
from hypothesis import strategies as st

from tests.strategies import facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Mode
    from tests.strategies import Words

CLAUSES = ("guardrails", "rules", "exceptions", "limits", "unsafe_destinations")


@given(data=st.data(), policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_the_order_of_a_file_changes_no_decision(
    data: st.DataObject, policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    shuffled = {key: data.draw(_shuffled(value)) if key in CLAUSES else value for key, value in policy.items()}
    one, other = gate(policy, mode), gate(shuffled, mode)
    known = forgotten(facts(request), lost)

    assert one.policy.digest == other.policy.digest
    for phase in ("connect", "request", "upstream", "response", "tunnel"):
        assert getattr(one, phase)(known) == getattr(other, phase)(known), phase


@given(policy=policies(), request=requests(), mode=modes())
def test_the_order_of_the_keys_of_a_file_changes_no_decision(policy: Words, request: Words, mode: Mode) -> None:
    turned: Words = _turned(policy)

    assert gate(policy, mode).upstream(facts(request)) == gate(turned, mode).upstream(facts(request))


def _shuffled(clauses: list[Words]) -> st.SearchStrategy[list[Words]]:
    return st.permutations(clauses)


def _turned(value: Any) -> Any:
    """Every group of keys and every list of values the other way round."""
    if isinstance(value, dict):
        return {key: _turned(held) for key, held in reversed(value.items())}
    return [_turned(item) for item in reversed(value)] if isinstance(value, list) else value
