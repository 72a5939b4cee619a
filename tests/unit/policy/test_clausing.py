from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.clausing import facts_of, granting_clause, hosts_of, lifting_clause, restraining_clause
from gateway.policy.hostindex import HostNames
from gateway.policy.model import FactName
from gateway.policy.names import Host
from tests.conditions import context, rule

A, B = Host.parse("a.test"), Host.parse("b.test")
IS_A, UNDER_B = {"host": {"is": ["a.test"]}}, {"host": {"under": ["b.test"]}}
GET = {"method": ["GET"]}


@pytest.mark.parametrize(
    ("wanted", "selection"),
    [
        (HostNames(exactly=frozenset({A})), {"when": IS_A | GET}),
        (HostNames(under=frozenset({B})), {"when": {"host": {"below": ["b.test"]}}}),
        (None, {"when": GET}),
        (None, {"not_": IS_A}),
        (None, {"when": {"host": {"in": ["@names"]}}}),
        (None, {"when": {"tls.sni": {"is": ["a.test"]}}}),
        (HostNames(frozenset({A}), frozenset({B})), {"any": [IS_A, UNDER_B]}),
        (None, {"any": [IS_A, GET]}),
        (HostNames(exactly=frozenset({A})), {"when": IS_A, "any": [UNDER_B, GET]}),
    ],
)
def test_a_selection_names_its_hosts_where_it_cannot_match_any_other(wanted: HostNames | None, selection: Any) -> None:
    assert hosts_of(rule(**selection).selection) == wanted


@pytest.mark.parametrize(
    ("wanted", "groups"),
    [
        ({"group", "user"}, ["staff"]),
        ({"group", "user", "client.ip"}, ["build"]),
        ({"group", "client.ip"}, ["lab"]),
    ],
)
def test_a_group_is_told_by_whatever_the_policy_tells_it_by(wanted: set[str], groups: list[str]) -> None:
    assert facts_of(rule(when={"group": groups}).selection, context()) == set(map(FactName, wanted))


@pytest.mark.parametrize(
    ("wanted", "when"),
    [
        ((False, False, False), GET),
        ((True, False, False), {"response.status": [404]}),
        ((True, True, True), {"request.size": {"above": 10}}),
        ((True, True, True), {"response.size": {"above": 10}}),
    ],
)
def test_a_deny_has_the_readings_that_its_facts_need(wanted: tuple[bool, bool, bool], when: Any) -> None:
    clause = restraining_clause(rule(when=when).selection, context())

    assert (clause.standing is not None, clause.answered is not None, clause.growing is not None) == wanted


def test_what_grants_is_never_left_open() -> None:
    selection = rule(when={"request.size": {"below": 10}}).selection
    for clause in (granting_clause(selection, context()), lifting_clause(selection, context())):
        assert (clause.standing, clause.answered) == (None, None)
        assert clause.growing is not None


def test_a_clause_looks_for_its_entries_in_every_list_that_it_names() -> None:
    named = {"host": {"in": ["@names", "@bees"]}, "client.ip": {"in": ["@nets"]}}

    assert len(restraining_clause(rule(when=named).selection, context()).finders) == 3
    assert len(restraining_clause(rule(any=[named, GET]).selection, context()).finders) == 3
    assert restraining_clause(rule(not_=named).selection, context()).finders == ()
    assert restraining_clause(rule(when={"client.ip": {"not_in": ["@nets"]}}).selection, context()).finders == ()
