"""Law 3: adding an exception changes only requests that match it and were denied by a rule that it names."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume, given
from hypothesis import strategies as st

from tests.reference import selected
from tests.strategies import exceptions, facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.model import Decision, Mode
    from tests.strategies import Words


@given(data=st.data(), policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_an_exception_lifts_only_denies_that_it_names_for_requests_that_it_matches(
    data: st.DataObject, policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    denies = tuple(rule["id"] for rule in policy["rules"] if rule["action"] == "deny")
    assume(denies)
    added = data.draw(exceptions(denies, "added"))
    known = forgotten(facts(request), lost)
    for phase in ("upstream", "response"):
        was = getattr(gate(policy, mode), phase)(known)
        now = getattr(gate({**policy, "exceptions": [*policy["exceptions"], added]}, mode), phase)(known)
        lifted = {waived.rule for waived in now.waived if waived.exception == "added"}

        assert lifted <= set(added["waives"]), phase
        if was.verdict is not now.verdict:
            assert was.denied, phase
            assert was.rule in lifted, phase
        if not lifted and not now.shadow:
            assert _substance(was) == _substance(now), phase
        if lifted:
            assert added["expires"] == "2099-12-31", phase
            assert selected(added, request, wide=False), phase


def _substance(decision: Decision) -> Decision:
    """The decision but for what names the policy, and for trials, which an exception may lift too."""
    return replace(decision, digest=None, shadow=())
