from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Client
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.events import Start
from mitmproxy.proxy.layers.http._base import ReceiveHttp
from mitmproxy.proxy.layers.http._events import RequestHeaders

from addons.connections.bounds import Bounds
from addons.http1.client_side import UnreadableHeadHook
from addons.http2.taps import Taps
from addons.http3.session import Heard, Http3Session
from addons.judging.heads import line_of, version_of
from addons.serving.options import LayerOptions, for_layers
from gateway.policy.model import Reason
from tests.adapters.http3.pairs import shaken
from tests.e2e.h3wire import asking, head

if TYPE_CHECKING:
    from mitmproxy.proxy import commands


class Bench:
    def __init__(self) -> None:
        self.pair = shaken()
        self.client = Client(peername=("127.0.0.2", 1), sockname=("127.0.0.1", 443), timestamp_start=0.0)
        context = Context(self.client, for_layers(LayerOptions()))
        self.session = Http3Session(context, Bounds(head=4096), Taps(), lambda _: None, quic=self.pair.ours)
        self.said: list[commands.Command] = list(self.session.handle_event(Start()))

    def hear(self, data: bytes, *, end: bool = True) -> list[commands.Command]:
        self.pair.client.send_stream_data(0, data, end)
        self.pair.talk()
        heard = tuple(self.pair.heard)
        self.pair.heard.clear()
        return list(self.session.handle_event(Heard(self.client, heard)))


def _request(said: list[commands.Command]) -> RequestHeaders:
    [found] = [each.event for each in said if isinstance(each, ReceiveHttp) and isinstance(each.event, RequestHeaders)]
    return found


def test_a_request_says_that_it_came_by_http3() -> None:
    request = _request(Bench().hear(head(asking("x", "/a")))).request

    assert (line_of(request).protocol, version_of(request), line_of(request).problem) == ("h3", "3", None)
    assert request.headers["host"] == "x"


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        (Reason.HEAD_TOO_LARGE, asking("x", "/", ("a", "b" * 9000))),
        (Reason.MALFORMED_REQUEST, asking("x", "/", ("connection", "close"))),
    ],
)
def test_a_request_that_may_not_be_carries_its_refusal(reason: Reason, fields: list[tuple[bytes, bytes]]) -> None:
    problem = line_of(_request(Bench().hear(head(fields))).request).problem

    assert problem is not None
    assert problem.decision.reason is reason
    assert "HTTP/2" not in str(problem.decision.message)


@pytest.mark.parametrize(("is_flood", "reason"), [(False, Reason.MALFORMED_REQUEST), (True, Reason.CAPACITY)])
def test_a_fault_below_is_recorded_and_ends_all(is_flood: bool, reason: Reason) -> None:  # noqa: FBT001 - a parameter of the test
    bench = Bench()
    [hook] = bench.session.handle_event(Heard(bench.client, (), "too much", is_flood=is_flood))

    assert isinstance(hook, UnreadableHeadHook)
    assert (hook.data.decision.reason, hook.data.decision.message) == (reason, "HTTP/3: too much")


def test_a_session_that_is_over_hears_nothing() -> None:
    bench = Bench()
    bench.session.is_over = True

    assert bench.hear(head(asking("x"))) == []
