from __future__ import annotations

import pytest

from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.keys import HashBy
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import CheckRules, PoolRules, QueueRules
from tests.unit.config.objections import FORWARD, objections, read


def upstream(more: str) -> str:
    return f'listeners: [{FORWARD}]\nupstreams: {{app: {{servers: [{{url: "http://a.test"}}], {more}}}}}'


def rules(more: str) -> PoolRules:
    return read(upstream(more)).upstreams["app"].rules


def test_a_health_check_needs_a_path_and_nothing_else() -> None:
    checked = rules("health: {path: /healthz}")

    assert checked.check == CheckRules(path="/healthz", interval=10.0, timeout=2.0, statuses=((200, 299),))
    assert checked.health == HealthRules(fall=3, rise=2)


def test_a_health_check_in_full() -> None:
    said = 'health: {path: "/up?deep=1", interval: 500ms, timeout: 1s, fall: 2, rise: 1, statuses: [204, 3xx]}'

    assert rules(said).check == CheckRules(
        path="/up?deep=1", interval=0.5, timeout=1.0, statuses=((204, 204), (300, 399))
    )
    assert rules(said).health == HealthRules(fall=2, rise=1)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (HashBy(), "balance: hash"),
        (HashBy("header", "x-user"), "balance: hash, hash: {header: X-User}"),
        (HashBy("cookie", "Session"), "balance: hash, hash: {cookie: Session}"),
    ],
)
def test_who_is_sent_to_the_same_server(wanted: HashBy, said: str) -> None:
    assert rules(said).hash_by == wanted


def test_when_a_server_is_spared_tried_again_and_waited_for() -> None:
    said = rules(
        "outliers: {failures: 2, base: 1s, longest: 4s}, retries: {most: 1, budget: 50%}, queue: {size: 3, timeout: 1s}"
    )

    assert said.outliers == OutlierRules(failures=2, base=1.0, longest=4.0)
    assert said.retries == RetryRules(most=1, budget=0.5)
    assert said.queue == QueueRules(size=3, timeout=1.0)


@pytest.mark.parametrize(
    ("objection", "said"),
    [
        ("health: `path` is missing, here belongs a path, like `/healthz`", "health: {interval: 1s}"),
        ("health.path: target: it has to begin with `/`", "health: {path: healthz}"),
        (
            "health.interval: nothing happens in no time at all, write a length of time above zero",
            "health: {path: /, interval: 0s}",
        ),
        ("outliers: `longest` is shorter than `base`, make it longer or leave both out", "outliers: {longest: 1s}"),
        ("queue.timeout: nobody should wait longer than 60s, write less", "queue: {timeout: 2min}"),
        (
            "hash: `header`, `cookie` cannot stand together: without `hash` it is the address of the client",
            "balance: hash, hash: {header: a, cookie: b}",
        ),
        ("retries.most: `11` cannot stand here, here belongs a whole number from 0 to 10", "retries: {most: 11}"),
    ],
)
def test_what_cannot_be_meant_is_told_with_its_place(objection: str, said: str) -> None:
    assert objections(upstream(said)) == [f"upstreams.app.{objection}"]
