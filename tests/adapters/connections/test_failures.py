from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from addons.connections.failures import Failures
from addons.judging.exchange import exchange_of
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.adapters.scene import Scene

REQUEST = "GET http://site.example/ HTTP/1.1\nHost: site.example"
ERROR = ValueError("the secret inside")


@pytest.fixture
def stage(scene: Callable[..., Scene]) -> Scene:
    return scene()


def failures_of(stage: Scene) -> Failures:
    return Failures(stage.connections, stage.recorder, stage.now)


def test_a_request_that_nobody_looked_at_is_refused_and_recorded_once(stage: Scene) -> None:
    flow = stage.flow(stage.client(), REQUEST)

    answer = failures_of(stage).unjudged(flow, "requestheaders", ERROR)

    assert answer.status_code == 500
    assert b"secret" not in (answer.raw_content or b"")
    assert list(stage.shapes()) == [("decision", "deny", "internal-error"), ("end", 500)]


def test_a_request_that_was_allowed_before_the_failure_ends_as_a_failure(stage: Scene) -> None:
    flow = stage.flow(stage.client(), REQUEST)
    asyncio.run(stage.admission.requestheaders(flow))

    answer = failures_of(stage).unjudged(flow, "requestheaders", ERROR)

    assert answer.status_code == 500
    assert list(stage.shapes()) == [("decision", "allow", "allowed-by-default"), ("end", 500)]


def test_a_failure_on_a_connection_is_recorded_even_if_nothing_was_asked_yet(stage: Scene) -> None:
    client = stage.client()

    failures_of(stage).failed(client.id, "layer", ERROR)

    assert list(stage.shapes()) == [("decision", "deny", "internal-error"), ("end", None)]


def test_a_silent_tunnel_is_the_reason_of_its_own_end(stage: Scene) -> None:
    client = stage.client()
    flow = stage.ask(client, REQUEST)

    failures_of(stage).late(client)

    exchange = exchange_of(flow)
    assert exchange is not None
    assert exchange.outcome is not None
    assert exchange.outcome.reason is Reason.IDLE_TIMEOUT


def test_nobody_is_blamed_on_a_connection_that_is_gone(stage: Scene) -> None:
    client = stage.client()
    stage.connections.closed(client.id)

    failures_of(stage).late(client)
