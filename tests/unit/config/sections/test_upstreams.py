from __future__ import annotations

from gateway.upstreams.pools.rules import PoolRules
from tests.unit.config.objections import FORWARD, objections, read


def upstream(more: str, servers: str = '[{url: "http://127.0.0.1:8000"}]') -> str:
    return f"listeners: [{FORWARD}]\nupstreams: {{app: {{servers: {servers}, {more}}}}}"


def test_an_upstream_needs_a_server() -> None:
    assert objections(f"listeners: [{FORWARD}]\nupstreams: {{x: {{servers: []}}}}") == [
        'upstreams.x.servers: the list is empty, here belongs a list, like `[{url: "http://127.0.0.1:8000"}]`'
    ]


def test_what_is_left_out_is_what_most_people_want() -> None:
    app = read(upstream("")).upstreams["app"]

    assert (app.name, app.rules) == ("app", PoolRules())
    assert app.rules.check is None


def test_a_server_stands_there_once() -> None:
    twice = '[{url: "http://a.test"}, {url: "http://a.test:80", weight: 2}]'

    assert objections(upstream("", twice)) == [
        "upstreams.app.servers: `http://a.test:80` stands there twice, name it once and give it a `weight`"
    ]


def test_a_hash_without_its_way_would_mean_nothing() -> None:
    assert objections(upstream("hash: {cookie: session}")) == [
        "upstreams.app: `hash` means something only with `balance: hash`, write that too or leave it out"
    ]


def test_how_servers_are_shared() -> None:
    rules = read(upstream("balance: least_connections, connections: 7, slow_start: 30s")).upstreams["app"].rules

    assert (rules.balance, rules.connections, rules.slow_start) == ("least_connections", 7, 30.0)
