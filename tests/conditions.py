"""Matchers for tests, from the condition that people write."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from gateway.policy.language.document import read_policy
from gateway.policy.matchers.context import Context
from gateway.policy.matchers.selections import Reading, condition_matcher, selection_matcher
from gateway.policy.matchers.sides import Side
from tests.strategies import contents

if TYPE_CHECKING:
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.clauses import RuleDocument
    from gateway.policy.model import Facts

DENY, ALLOW = Side.RESTRAINS, Side.GRANTS

LISTS = {
    "names": {"type": "domain", "items": ["a.test"], "match": "under"},
    "bees": {"type": "domain", "items": ["b.test"], "match": "is"},
    "nets": {"type": "network", "items": ["10.1.0.0/16"]},
}
GROUPS = {
    "staff": {"users": ["alice"]},
    "build": {"users": ["bob"], "clients": ["10.9.0.0/16"]},
    "lab": {"clients": ["@nets"]},
}


def rule(**selection: Any) -> RuleDocument:
    """A deny rule of this selection (`when`, `not_`, `any`), as the reader gives it."""
    clause = {
        "id": "r",
        "action": "deny",
        "reason": "R",
        **{name.rstrip("_"): held for name, held in selection.items()},
    }
    policy = {"version": 1, "default": {"action": "allow"}, "lists": LISTS, "groups": GROUPS, "rules": [clause]}
    return read_policy(json.dumps(policy), "c.yaml").rules[0]


def context() -> Context:
    """The lists and groups that conditions of tests may name."""
    clause = {"id": "r", "action": "deny", "reason": "R", "when": {"method": ["GET"]}}
    policy = {"version": 1, "default": {"action": "allow"}, "lists": LISTS, "groups": GROUPS, "rules": [clause]}
    return Context(contents(), read_policy(json.dumps(policy), "c.yaml").groups)


def matcher(fact: str, asked: Any, side: Side = DENY) -> Matcher:
    """The matcher of one condition."""
    (condition,) = rule(when={fact: asked}).selection.conditions
    return condition_matcher(condition, context(), side)


def truth(fact: str, asked: Any, known: Facts, side: Side = DENY) -> bool | None:
    """What one condition answers."""
    return matcher(fact, asked, side)(known)


def selected(known: Facts, side: Side = DENY, reading: Reading = Reading.KNOWN, **selection: Any) -> bool | None:
    """What a whole selection answers."""
    return selection_matcher(rule(**selection).selection, context(), side, reading)(known)
