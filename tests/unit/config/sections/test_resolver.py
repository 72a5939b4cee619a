from __future__ import annotations

from gateway.policy.addresses import Address
from tests.unit.config.objections import FORWARD, objections, read


def test_a_name_that_is_no_host_cannot_be_answered() -> None:
    assert objections(f"listeners: [{FORWARD}]\nresolver: {{hosts: {{a b: [10.0.0.1]}}}}") == [
        "resolver.hosts.a b: host `a b`: spaces are not allowed"
    ]


def test_the_resolver_is_told_of_a_name_of_all_below_a_name_and_of_names_that_there_are_not() -> None:
    hosts = "{Db.Example: [10.0.0.1], .Test: [10.0.0.2], no.test: []}"

    assert read(f"listeners: [{FORWARD}]\nresolver: {{hosts: {hosts}}}").resolver.hosts == {
        "db.example": (Address.parse("10.0.0.1"),),
        ".test": (Address.parse("10.0.0.2"),),
        "no.test": (),
    }
