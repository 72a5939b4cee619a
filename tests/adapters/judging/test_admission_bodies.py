from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.judging.exchange import Cut
from gateway.config.settings import LimitSettings
from gateway.policy.model import Mode
from tests.adapters.scene import ALLOW, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]


def stream_of(flow: HTTPFlow) -> Callable[[bytes], list[bytes]]:
    """The stream of a request's body, as the layer uses it."""
    stream = flow.request.stream
    assert callable(stream)
    return lambda piece: [bytes(each) for each in stream(piece) if isinstance(each, bytes)]


UPLOAD = "POST / HTTP/1.1\nHost: a.example\n"


def test_a_body_that_states_too_much_is_refused_before_a_byte_of_it_is_read(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, limits=LimitSettings(body=10))

    assert said(here.ask(here.client(), f"{UPLOAD}Content-Length: 11")) == (413, "body-too-large")
    assert here.ask(here.client(), f"{UPLOAD}Content-Length: 10").response is None


def test_a_body_that_states_nothing_is_counted_and_cut_at_the_bound(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, limits=LimitSettings(body=10))
    flow = here.ask(here.client(), f"{UPLOAD}Transfer-Encoding: chunked")
    stream = stream_of(flow)
    assert stream(b"12345") == [b"12345"]
    assert stream(b"12345") == [b"12345"]
    with pytest.raises(Cut):
        stream(b"6")
    with pytest.raises(Cut):
        stream(b"")
    here.recording.client_disconnected(flow.client_conn)

    end = here.records()[-1]
    assert (end["bytes"], end["reason"]) == ({"up": 10, "down": 0}, "body-too-large")


def test_a_forward_body_is_bounded_by_the_policy_alone(scene: Setter) -> None:
    big = "rules:\n  - {id: no-big, action: deny, reason: Too big, when: {request.size: {above: 20B}}}\n"
    here = scene(policy=f"{ALLOW}{big}", limits=LimitSettings(body=10))
    client = here.client()
    post = "POST http://site.example/ HTTP/1.1\nHost: site.example\n"
    assert said(here.ask(client, f"{post}Content-Length: 21")) == (403, "rule-deny")
    flow = here.ask(client, f"{post}Transfer-Encoding: chunked")
    stream = stream_of(flow)
    assert stream(b"x" * 20) == [b"x" * 20]
    with pytest.raises(Cut):
        stream(b"x")
    assert judged(flow).outcome is not None
    assert judged(flow).up == 20


def test_the_end_of_a_body_says_nothing_more(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    stream = stream_of(here.ask(here.client(), f"{UPLOAD}Transfer-Encoding: chunked"))

    assert stream(b"") == []
