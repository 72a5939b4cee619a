from __future__ import annotations

import pytest

from gateway.policy.language.clauses import LimitDocument
from gateway.policy.language.conditions import Condition
from gateway.policy.limits import Rate
from tests.reading import objections, policy


@pytest.mark.parametrize(
    ("wanted", "yaml"),
    [
        (
            LimitDocument(id="l", key=("client.ip",), rate=Rate(amount=600, period=60.0, burst=100)),
            "{id: l, key: [client.ip], rate: 600/min, burst: 100}",
        ),
        (
            LimitDocument(id="l", key=("user", "host"), rate=Rate(amount=5, period=60.0, burst=5)),
            "{id: l, key: [user, host], rate: 5/min}",
        ),
        (
            LimitDocument(id="l", key=("header.x-api", "query.Key"), concurrent=64, stage="shadow"),
            "{id: l, key: [header.X-Api, query.Key], concurrent: 64, stage: shadow}",
        ),
        (
            LimitDocument(id="l", key=("client.ip",), concurrent=1, when=(Condition("method", "in", ("POST",)),)),
            "{id: l, key: [client.ip], concurrent: 1, when: {method: [POST]}}",
        ),
    ],
)
def test_a_limit_is_a_rate_or_a_number_at_once(wanted: LimitDocument, yaml: str) -> None:
    assert policy(f"limits: [{yaml}]").limits == (wanted,)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            [
                (
                    ": `rate`, `concurrent` cannot stand together: a limit is one of the two, write a "
                    "second limit for the other"
                )
            ],
            "{id: l, key: [user], rate: 1/s, concurrent: 1}",
        ),
        (
            [": one of `rate`, `concurrent` is missing: a limit is one of the two, write a second limit for the other"],
            "{id: l, key: [user]}",
        ),
        (
            [": `burst` needs `rate` beside it: it says how many of the rate may come at once"],
            "{id: l, key: [user], concurrent: 1, burst: 2}",
        ),
        (
            [".key[0]: `clientip` is no key of a limit, did you mean `client.ip`?"],
            "{id: l, key: [clientip], concurrent: 1}",
        ),
        (
            [".key[0]: field name `a b`: only letters, digits and !#$%&'*+-.^_|~ are allowed"],
            "{id: l, key: [header.a b], concurrent: 1}",
        ),
        ([".key: the list is empty, here belongs a list, like `[client.ip]`"], "{id: l, key: [], concurrent: 1}"),
        (
            [": a limit counts requests, and `response.status` is known only when one was answered"],
            "{id: l, key: [user], concurrent: 1, when: {response.status: [404]}}",
        ),
        (
            [".concurrent: `0` cannot stand here, here belongs a whole number from 1 to 1000000000"],
            "{id: l, key: [user], concurrent: 0}",
        ),
    ],
)
def test_a_limit_that_makes_no_sense_is_refused_with_the_way_out(said: list[str], yaml: str) -> None:
    assert [f"limits[0]{sentence}" for sentence in said] == objections(f"limits: [{yaml}]")


@pytest.mark.parametrize("rate", ["600", "600/fortnight", "0/s", "-1/s", "[1/s]"])
def test_a_rate_is_an_amount_in_a_time(rate: str) -> None:
    said = objections(f"limits: [{{id: l, key: [user], rate: {rate}}}]")

    assert len(said) == 1
    assert said[0].startswith("limits[0].rate: ")


def test_a_key_like_no_other_gets_all_of_them_told() -> None:
    said = objections("limits: [{id: l, key: [destination.country], concurrent: 1}]")

    assert said == [
        (
            "limits[0].key[0]: `destination.country` is no key of a limit, known are `client.ip`, "
            "`user`, `host`, `port`, "
            "`method`, `path`, `tls.sni`"
        )
    ]
