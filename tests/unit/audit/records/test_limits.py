from __future__ import annotations

import pytest

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.limits import limits_object
from gateway.policy.addresses import Address
from gateway.policy.limits import CountedAt, LimitState
from gateway.policy.model import Missing

CLIENT = Address.parse("10.1.2.3")


def _state(name: str, part: object, window: float = 60.0, store: CountedAt | None = None) -> LimitState:
    return LimitState("per-key", 600, window, 599, 0.12345, (name,), (part,), store)


@pytest.mark.parametrize(
    ("name", "part", "said"),
    [
        ("client.ip", CLIENT, "10.1.2.3"),
        ("client.ip", Missing.UNKNOWN, None),
        ("host", "shop.example", "shop.example"),
        ("port", 443, 443),
        ("path", "/a", "/a"),
        ("header.x-shown", ("a", "b"), "a, b"),
        ("query.shown", ("a",), "a"),
        ("header.x-key", ("s3cret",), "REDACTED"),
        ("query.token", ("s3cret",), "REDACTED"),
        ("header.x-shown", b"s3cret", "REDACTED"),
    ],
)
def test_a_key_is_told_unless_it_may_prove_who_somebody_is(name: str, part: object, said: object) -> None:
    masked: list[str] = []
    disclosure = Disclosure(query=frozenset({"shown"}), fields=frozenset({"x-shown"}))

    [shown] = limits_object((_state(name, part),), disclosure, masked)

    assert shown["key"] == {name: said}
    assert masked == (["/limits/0/key/" + name] if said == "REDACTED" else [])


def test_what_counts_no_time_has_none_and_a_store_is_named_where_one_counted() -> None:
    timed, running = limits_object(
        (_state("client.ip", CLIENT, store="cluster"), _state("client.ip", CLIENT, 0.0)), Disclosure(), []
    )

    assert (timed["window"], timed["reset"], timed["store"]) == (60.0, 0.123, "cluster")
    assert (running["window"], running["reset"], "store" in running) == (None, None, False)
