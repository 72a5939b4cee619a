from __future__ import annotations

from typing import Any

import pytest

from gateway.policy.keys import key_of
from gateway.policy.model import ABSENT, UNKNOWN
from tests.gates import facts


@pytest.mark.parametrize(
    ("same", "fact", "one", "other"),
    [
        (True, "client.ip", {"client": "2001:db8::1"}, {"client": "2001:db8::2"}),
        (False, "client.ip", {"client": "2001:db8::1"}, {"client": "2001:db8:0:1::1"}),
        (False, "client.ip", {"client": "10.0.0.1"}, {"client": "10.0.0.2"}),
        (True, "client.ip", {"client": "10.0.0.1"}, {"client": "::ffff:10.0.0.1"}),
        (True, "host", {"host": "a.test"}, {"host": "A.test."}),
        (True, "path", {"path": "/a?x=1"}, {"path": "/%61?x=2"}),
        (False, "path", {"path": "/a"}, {"path": "/b"}),
        (False, "user", {"user": "alice"}, {"user": "bob"}),
        (False, "user", {"user": ABSENT}, {"user": UNKNOWN}),
        (True, "user", {"user": UNKNOWN}, {"user": UNKNOWN}),
        (True, "header.x-key", {"headers": [("X-Key", "k")]}, {"headers": [("x-key", "k"), ("Y", "z")]}),
        (False, "header.x-key", {"headers": [("X-Key", "k")]}, {"headers": []}),
        (False, "header.x-key", {"headers": [("X-Key", "k" * 99)]}, {"headers": [("X-Key", "k" * 98)]}),
        (False, "query.q", {"path": "/?q=1"}, {"path": "/?q=2"}),
        (True, "query.q", {"path": "/?q=1&r=1"}, {"path": "/x?q=1"}),
        (False, "destination.ip", {"destination": "8.8.8.8"}, {"destination": "8.8.4.4"}),
        (False, "tls.sni", {"tls_sni": "a.test"}, {"tls_sni": ABSENT}),
        (False, "group", {"groups": ["a"]}, {"groups": ["b"]}),
        (False, "method", {"method": "GET"}, {"method": "POST"}),
        (False, "tls.version", {"tls_version": "1.2"}, {"tls_version": "1.3"}),
    ],
)
def test_requests_share_a_budget_if_the_fact_is_the_same(*, same: bool, fact: str, one: Any, other: Any) -> None:
    key = key_of((fact,))

    assert (key(facts(**one)) == key(facts(**other))) is same
    assert hash(key(facts(**one))) is not None


def test_a_key_of_several_facts_tells_all_of_them_apart() -> None:
    key = key_of(("client.ip", "user"))
    alice, bob = facts(user="alice"), facts(user="bob")

    assert key(alice) != key(bob)
    assert key(alice) != key(facts(alice, client="10.9.9.9"))
    assert len(key(alice)) == 2


def test_a_key_stays_small_whatever_a_client_sends() -> None:
    long = facts(headers=[("X-Key", "k" * 100_000)], user="u" * 1000)

    assert len(repr(key_of(("header.x-key",))(long))) < 200
    assert len(repr(key_of(("user",))(long))) < 200
