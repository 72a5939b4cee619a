from __future__ import annotations

import pytest

from gateway.policy.language.vocabulary import NEED_DATABASE, TOGETHER, VOCABULARY, WITH_ARGUMENT
from gateway.policy.model import FactName
from tests.reading import objections

NAMES = {"is", "under", "below", "in"}
TEXTS = {"present", "is", "contains", "matches"}
PUBLISHED = {
    "client.ip": ({"in", "not_in"}, False),
    "destination.ip": ({"in", "not_in"}, False),
    "host": (NAMES, False),
    "tls.sni": (NAMES, False),
    "port": (set(), True),
    "scheme": (set(), True),
    "method": (set(), True),
    "path": ({"is", "prefix", "matches"}, False),
    "header": (TEXTS, False),
    "query": (TEXTS, False),
    "request.size": ({"above", "below"}, False),
    "response.size": ({"above", "below"}, False),
    "response.status": ({"above", "below"}, True),
    "response.type": (set(), True),
    "user": (set(), True),
    "group": (set(), True),
    "identity.method": (set(), True),
    "destination.country": ({"in", "not_in"}, False),
    "destination.asn": ({"in", "not_in"}, False),
    "tls.version": ({"below"}, True),
    "tls.inspected": (set(), True),
    "protocol": (set(), True),
    "time": (set(), True),
}


def test_the_vocabulary_is_the_published_one() -> None:
    offered = {str(name): (set(shape.operators), shape.plain is not None) for name, shape in VOCABULARY.items()}

    assert offered == PUBLISHED


def test_every_fact_can_be_asked_about_but_the_one_that_the_gateway_keeps_to_itself() -> None:
    assert set(FactName) - set(VOCABULARY) == {FactName.CONNECT}


@pytest.mark.parametrize("name", sorted(VOCABULARY))
def test_the_example_of_every_fact_can_be_written_into_a_policy(name: FactName) -> None:
    fact = f"{name}.x" if name in WITH_ARGUMENT else name
    rule = f"rules: [{{id: r, action: deny, reason: x, when: {{{fact}: {VOCABULARY[name].example}}}}}]\n"
    lists = "lists: {geo: {type: database, file: geo.mmdb}}\ngroups: {engineering: {users: [a]}}\n"

    assert objections(rule + lists) == []


def test_only_operators_that_nobody_reads_as_alternatives_stand_together() -> None:
    assert set(TOGETHER) == {frozenset({"above", "below"}), frozenset({"in", "not_in"})}


def test_facts_about_places_need_a_database() -> None:
    assert {str(name) for name in NEED_DATABASE} == {"destination.country", "destination.asn"}
