from __future__ import annotations

import pytest

from gateway.policy.addresses import AddressClass, Network
from gateway.policy.language.blocks import BLOCK, block_schema
from gateway.policy.language.conditions import Block, Condition, ListRef, Span
from gateway.policy.language.declared import GROUP, LIST
from gateway.policy.language.patterns import Pattern
from gateway.policy.language.schedule import TimeWindow
from gateway.policy.language.vocabulary import VOCABULARY
from gateway.policy.names import Host
from tests.reading import complaints, value

DECLARED = {LIST: {"office": "network", "ads": "domain"}, GROUP: {"build": ""}}
TEN = Network.parse("10.0.0.0/8")


@pytest.mark.parametrize(
    ("block", "yaml"),
    [
        (
            (Condition("client.ip", "not_in", (ListRef("office"), AddressClass.LOOPBACK)),),
            '{client.ip: {not_in: ["@office", loopback]}}',
        ),
        (
            (Condition("client.ip", "in", (TEN,)), Condition("client.ip", "not_in", (ListRef("office"),))),
            '{client.ip: {in: [10.0.0.0/8], not_in: ["@office"]}}',
        ),
        (
            (Condition("host", "under", (Host.parse("example.com"),)), Condition("method", "in", ("POST", "PUT"))),
            "{host: {under: [Example.com.]}, method: [POST, PUT]}",
        ),
        ((Condition("host", "in", (ListRef("ads"),)),), '{host: {in: ["@ads"]}}'),
        ((Condition("port", "in", (Span(443, 443), Span(8000, 8099))),), "{port: [443, 8000-8099]}"),
        ((Condition("path", "matches", (Pattern("/a.*"),)),), "{path: {matches: [/a.*]}}"),
        ((Condition("header.x-token", "present", (False,)),), "{header.X-Token: {present: false}}"),
        ((Condition("query.Token", "is", ("a", "1")),), "{query.Token: {is: [a, 1]}}"),
        (
            (Condition("request.size", "above", (1000,)), Condition("request.size", "below", (10_000_000,))),
            "{request.size: {above: 1kB, below: 10MB}}",
        ),
        ((Condition("response.status", "in", (Span(404, 404), Span(500, 599))),), "{response.status: [404, 5xx]}"),
        ((Condition("response.status", "above", (499,)),), "{response.status: {above: 499}}"),
        ((Condition("tls.version", "below", ("1.2",)),), "{tls.version: {below: 1.2}}"),
        ((Condition("tls.version", "in", ("1.0", "1.1")),), '{tls.version: [1.0, "1.1"]}'),
        ((Condition("tls.inspected", "in", (False,)),), "{tls.inspected: [false]}"),
        ((Condition("group", "in", ("build",)),), "{group: [build]}"),
        ((Condition("time", "in", (TimeWindow(days=frozenset({0})),)),), "{time: {days: mon, zone: UTC}}"),
        ((Condition("destination.asn", "not_in", (64496,)),), "{destination.asn: {not_in: [64496]}}"),
    ],
)
def test_a_block_is_conditions_on_canonical_values(block: Block, yaml: str) -> None:
    assert block == value(BLOCK, yaml, DECLARED)


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (["unknown key `methd`, did you mean `method`?"], "{methd: [POST]}"),
        (["`header` needs a name behind it, like `header.user-agent`"], "{header: {present: true}}"),
        (["`query` needs a name behind it, like `query.token`"], "{query.: {present: true}}"),
        (
            ["field name `a b`: only letters, digits and !#$%&'*+-.^_|~ are allowed"],
            "{header.a b: {present: true}}",
        ),
        (
            [
                (
                    "host: a list cannot stand here: say how `host` is compared, like `{under: [example.com]}`; "
                    "the ways are `is`, `under`, `below`, `in`"
                )
            ],
            "{host: [example.com]}",
        ),
        (
            [
                (
                    "client.ip: `10.0.0.0/8` cannot stand here: say how `client.ip` is compared, like "
                    "`{in: [10.0.0.0/8]}`; "
                    "the ways are `in`, `not_in`"
                )
            ],
            "{client.ip: 10.0.0.0/8}",
        ),
        (["host: unknown operator `undr` for `host`, did you mean `under`?"], "{host: {undr: [a.example]}}"),
        (
            ["host: unknown operator `not_in` for `host`, what must not hold stands in a block of its own under `not`"],
            '{host: {not_in: ["@ads"]}}',
        ),
        (
            ["path: unknown operator `zzz` for `path`, it is compared by `is`, `prefix`, `matches`"],
            "{path: {zzz: [/a]}}",
        ),
        (["host: the group is empty, write something like `{under: [example.com]}`"], "{host: {}}"),
        (
            [
                (
                    "host: `is`, `under` under one fact would both have to hold: keep one, "
                    "and write alternatives under `any`"
                )
            ],
            "{host: {is: [a.example], under: [b.example]}}",
        ),
        (["method: `method` takes its list as it is, like `[GET, HEAD]`"], "{method: {in: [GET]}}"),
        (["method: `GET` is no list, write it as a list, `[GET]`"], "{method: GET}"),
        (["method: the list is empty, here belongs a list, like `[GET, HEAD]`"], "{method: []}"),
        (["the block is empty, here belong conditions, like `{host: {under: [example.com]}}`"], "{}"),
        (
            ["a list cannot stand here, here belong conditions, like `{host: {under: [example.com]}}`"],
            "[{method: [GET]}]",
        ),
        (
            [
                "method[0]: `get` is no method: methods are upper case, write `GET`",
                "port[0]: `0` is no port, they go from 1 to 65535",
            ],
            "{method: [get], port: [0]}",
        ),
    ],
)
def test_what_makes_no_condition_is_refused_with_the_way_out(said: list[str], yaml: str) -> None:
    assert said == complaints(BLOCK, yaml, DECLARED)


def test_a_fact_that_is_like_no_other_gets_all_of_them_told() -> None:
    said = complaints(BLOCK, "{zzzzzz: [a]}")[0]

    assert said.startswith("unknown key `zzzzzz`; the facts are `client.ip`, `destination.ip`, `host`")


def test_the_schema_of_a_block_has_every_fact() -> None:
    schema = block_schema()

    assert {*schema["properties"], "header", "query"} == {str(name) for name in VOCABULARY}
    assert set(schema["patternProperties"]) == {"^header\\..+$", "^query\\..+$"}
    assert schema["additionalProperties"] is False
