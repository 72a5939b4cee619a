from __future__ import annotations

import pytest

from gateway.policy.language.declared import CLAUSE, GROUP, LIST, declared_names
from gateway.policy.language.loader import load

POLICY = """
lists:
  ads: {type: domain, nonsense: 1}
  broken: 3
  odd: {type: domian}
groups: {staff: {}}
guardrails: [{id: g}]
rules: [{id: d, action: deny}, {id: a, action: allow}, {id: x}, {id: y, action: dny}, {}, 5]
exceptions: [{id: e}]
limits: [{id: l}]
tls: {splice: [{id: s}]}
headers: [{id: h}, {}]
"""


def test_names_count_as_declared_even_if_what_they_name_is_broken() -> None:
    declared, problems = declared_names(load(POLICY, "x"))

    assert problems == []
    assert declared[LIST] == {"ads": "domain", "broken": "", "odd": ""}
    assert declared[GROUP] == {"staff": ""}
    assert declared[CLAUSE] == {
        "g": "guardrail",
        "d": "deny",
        "a": "allow",
        "x": "",
        "y": "",
        "e": "exception",
        "l": "limit",
        "s": "splice",
        "h": "header edit",
    }


def test_an_id_is_taken_whatever_kind_of_clause_has_it() -> None:
    text = "guardrails: [{id: a}]\nrules: [{id: a}]\nlimits: [{id: b}]\ntls:\n  splice: [{id: a}]\n"

    _, problems = declared_names(load(text, "x"))

    assert [(str(problem.place), problem.path) for problem in problems] == [
        ("x:2:14", "rules[0].id"),
        ("x:5:17", "tls.splice[0].id"),
    ]
    assert problems[0].message == "the id `a` is taken, it stands in line 1 already: choose another"


@pytest.mark.parametrize("text", ["[a]", "5", "{lists: [a], groups: 3, rules: {a: b}, tls: [x]}"])
def test_what_is_no_policy_declares_nothing(text: str) -> None:
    declared, problems = declared_names(load(text, "x"))

    assert problems == []
    assert declared == {LIST: {}, GROUP: {}, CLAUSE: {}}
