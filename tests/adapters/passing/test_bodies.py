from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mitmproxy.http import Response

from addons.judging.exchange import Cut
from addons.passing import bodies
from gateway.policy.model import Reason
from tests.adapters.scene import ALLOW

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.judging.exchange import Exchange
    from addons.passing.bodies import Stream
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

BOUND = 1000
BIG = ALLOW + f"rules: [{{id: big, action: deny, reason: Too big, when: {{request.size: {{above: {BOUND}B}}}}}}]\n"
POST = "POST http://site.example/ HTTP/1.1\nHost: site.example\nTransfer-Encoding: chunked"


def upload(scene: Scene) -> tuple[Exchange, Stream]:
    """An admitted upload of unknown size, and the stream of its body."""
    client = scene.client()
    flow = scene.ask(client, POST)
    (exchange,) = scene.state(client).exchanges
    assert flow.response is None
    return exchange, bodies.of_request(exchange, None)


@pytest.fixture
def uploads(scene: Setter) -> Scene:
    """A scene in which bodies above the bound are denied."""
    return scene(policy=BIG)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(sizes=st.lists(st.integers(1, 400), min_size=1, max_size=12))
def test_however_a_body_is_cut_into_pieces_the_bound_holds(sizes: list[int], uploads: Scene) -> None:
    here = uploads
    exchange, stream = upload(here)
    forwarded = 0
    try:
        for size in sizes:
            forwarded += sum(len(piece) for piece in stream(b"x" * size))
    except Cut:
        assert sum(sizes) > BOUND
        assert exchange.outcome is not None
        assert exchange.outcome.reason is Reason.RULE_DENY
    else:
        assert forwarded == sum(sizes) <= BOUND
    assert forwarded == exchange.up <= BOUND
    here.recorder.ended(exchange)


@pytest.mark.parametrize("pieces", [[b"secret"], [b"sec", b"ret"], []])
def test_an_answer_in_place_of_another_is_said_once_and_whole(pieces: list[bytes], scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), "GET http://site.example/ HTTP/1.1\nHost: site.example")
    bodies.put_in_place(flow, Response.make(403, b"refused"), has_body=True)
    assert flow.response is not None
    stream = flow.response.stream
    assert callable(stream)

    said = [bytes(each) for piece in [*pieces, b""] for each in stream(piece) if isinstance(each, bytes)]
    assert said == [b"refused"]
