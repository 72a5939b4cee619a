from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Headers, HTTPFlow, Response

from addons.passing.trailers import FORBIDDEN, LARGEST, MOST, trailers_of_answer, trailers_of_request
from gateway.policy.model import Mode
from tests.adapters.scene import ALLOW, PLAIN, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

type Setter = Callable[..., Scene]

EDITING = ALLOW + (
    "headers: [{id: quiet, request: {remove: [X-Secret-*], set: {X-Set: ours}}, response: {remove: [X-Inside-*]}}]\n"
)


def _flow(scene: Scene) -> HTTPFlow:
    flow = scene.ask(scene.client(), PLAIN)
    scene.answer(flow, Response.make(200))
    return flow


def _trailers(*fields: tuple[bytes, bytes]) -> Headers:
    return Headers(fields)


def test_trailers_pass_in_both_directions(scene: Setter) -> None:
    flow = _flow(scene())
    flow.request.trailers = _trailers((b"x-up", b"1"))
    assert flow.response is not None
    flow.response.trailers = _trailers((b"grpc-status", b"0"))

    assert (trailers_of_request(flow), trailers_of_answer(flow)) == ([(b"x-up", b"1")], [(b"grpc-status", b"0")])


def test_a_message_without_trailers_has_none(scene: Setter) -> None:
    flow = _flow(scene())

    assert (trailers_of_request(flow), trailers_of_answer(flow)) == ([], [])


@pytest.mark.parametrize("name", [*sorted(FORBIDDEN), "connection", "proxy-authorization", "wicketgate-decision", "te"])
def test_what_belongs_in_front_of_a_body_does_not_pass_behind_it(name: str, scene: Setter) -> None:
    flow = _flow(scene())
    flow.request.trailers = _trailers((name.upper().encode(), b"x"), (b"fine", b"y"))
    assert flow.response is not None
    flow.response.trailers = _trailers((name.encode(), b"x"), (b"fine", b"y"))

    assert (trailers_of_request(flow), trailers_of_answer(flow)) == ([(b"fine", b"y")], [(b"fine", b"y")])


def test_what_the_policy_takes_out_of_heads_it_takes_out_of_trailers_and_adds_nothing(scene: Setter) -> None:
    flow = _flow(scene(policy=EDITING))
    flow.request.trailers = _trailers((b"x_secret-a", b"1"), (b"x-set", b"theirs"), (b"fine", b"y"))
    assert flow.response is not None
    flow.response.trailers = _trailers((b"X-Inside-Node", b"db-7"), (b"fine", b"y"))

    assert (trailers_of_request(flow), trailers_of_answer(flow)) == ([(b"fine", b"y")], [(b"fine", b"y")])


@pytest.mark.parametrize("field", [(b"x", b"a\r\nb: c"), (b"x y", b"z"), (b"", b"z"), (b"x", b"\x00")])
def test_what_somebody_could_read_differently_does_not_pass(field: tuple[bytes, bytes], scene: Setter) -> None:
    flow = _flow(scene())
    assert flow.response is not None
    flow.response.trailers = _trailers(field, (b"fine", b"y"))

    assert trailers_of_answer(flow) == [(b"fine", b"y")]


def test_of_too_many_trailers_none_passes(scene: Setter) -> None:
    flow = _flow(scene())
    flow.request.trailers = _trailers(*((b"x-%d" % turn, b"y") for turn in range(MOST + 1)))

    assert trailers_of_request(flow) == []


def test_of_trailers_that_are_too_large_none_passes(scene: Setter) -> None:
    flow = _flow(scene())
    assert flow.response is not None
    for size, passes in ((LARGEST - 1, True), (LARGEST, False)):
        flow.response.trailers = _trailers((b"x", b"y" * size))

        assert bool(trailers_of_answer(flow)) is passes


def test_a_backend_tells_nothing_of_itself_behind_a_body_either(scene: Setter) -> None:
    on = scene(mode=Mode.REVERSE)
    flow = on.ask(on.client(), "GET / HTTP/1.1\nHost: site.example")
    on.answer(flow, Response.make(200))
    assert flow.response is not None
    flow.response.trailers = _trailers((b"Server", b"x/1"), (b"X-AspNet-Version", b"4"), (b"fine", b"y"))

    assert trailers_of_answer(flow) == [(b"fine", b"y")]


def test_behind_a_refusal_nothing_of_the_origin_follows(scene: Setter) -> None:
    on = scene(policy=ALLOW + "rules: [{id: no, action: deny, reason: no, when: {response.status: [200]}}]\n")
    flow = _flow(on)
    assert flow.response is not None
    flow.response.trailers = _trailers((b"fine", b"y"))

    assert trailers_of_answer(flow) == []
