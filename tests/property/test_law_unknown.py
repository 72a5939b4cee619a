"""Law 6: losing a fact never turns a deny into an allow."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

from hypothesis import assume, given

from tests.strategies import ANSWER, facts, forgotten, gate, lapses, modes, policies, requests

if TYPE_CHECKING:
    from gateway.policy.gate import Gate
    from gateway.policy.model import Facts, Mode
    from tests.strategies import Words

SIZES = frozenset({"request_size", "response_size"})


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_what_is_denied_stays_denied_when_facts_are_lost(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    judge, full = gate(policy, mode), facts(request)

    if _denied(judge, full, full):
        assert _denied(judge, forgotten(full, lost), full)


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_a_tunnel_that_is_denied_stays_denied_when_facts_are_lost(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    judge, full = gate(policy, mode), facts(request)

    if judge.tunnel(full).denied:
        assert judge.tunnel(forgotten(full, lost)).denied


@given(policy=policies(), request=requests(), lost=lapses(), mode=modes())
def test_a_passing_body_is_judged_as_its_head_was_where_no_rule_asks_for_sizes(
    policy: Words, request: Words, lost: frozenset[str], mode: Mode
) -> None:
    assume(".size" not in json.dumps(policy))
    judge, known = gate(policy, mode), forgotten(facts(request), lost | ANSWER)
    head, body = judge.upstream(known), judge.size(replace(known, request_size=7))

    assert (head.verdict, head.rule, head.matched) == (body.verdict, body.rule, body.matched)


def _denied(judge: Gate, known: Facts, full: Facts) -> bool:
    """Whether a request is denied at its last word, at its answer, or while a body that states no length passes."""
    before = forgotten(known, ANSWER)
    if judge.upstream(before).denied:
        return True
    if known.request_size != full.request_size and judge.size(replace(before, request_size=full.request_size)).denied:
        return True
    answered = replace(known, request_size=full.request_size)
    if judge.response(answered).denied:
        return True
    unstated = known.response_size != full.response_size
    return unstated and judge.size(replace(answered, response_size=full.response_size)).denied
