from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from mitmproxy.proxy.layers.http._events import ErrorCode, ResponseProtocolError

from addons.connections.fail_closed import HOOKS
from addons.streams.retrying import Attempted, Unanswered, UpstreamFailedHook
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import Failure, RetryRules
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.origin import ask, read_request, status_of
from tests.e2e.pooled import HOST, answering, pooled
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from mitmproxy.http import HTTPFlow

    from tests.e2e.gateways import Wire
    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

RULES: Final = PoolRules(outliers=OutlierRules(failures=1000), retries=RetryRules(budget=1.0))


def test_the_hook_has_its_place_among_the_hooks(flow: HTTPFlow) -> None:
    hook = UpstreamFailedHook(Attempted(flow, Failure.BROKEN_OFF, body_begun=False))

    assert hook.name in HOOKS
    assert hook.blocking
    assert hook.args() == [hook.data]


@pytest.fixture
def flow() -> HTTPFlow:
    from mitmproxy.test.tflow import tflow  # noqa: PLC0415 - only one test needs it

    return tflow()


def test_an_answer_that_never_began_is_told_from_one_that_broke() -> None:
    assert isinstance(Unanswered(1, "closed", ErrorCode.GENERIC_SERVER_ERROR), ResponseProtocolError)


def test_a_request_without_a_place_is_asked_once(wire: Wire) -> None:
    def hang_up(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)

    wire.origin.serve = hang_up
    port = wire.origin.port
    answer = ask(
        wire.gateway.forward,
        f"GET http://origin.example:{port}/ HTTP/1.1\r\nHost: origin.example:{port}\r\n\r\n".encode(),
    )

    assert status_of(answer) == 502
    assert len(wire.origin.visits) == 1


def test_a_connection_that_was_closed_while_nobody_used_it_fails_nobody(tmp_path: Path) -> None:
    def serve_one(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.sendall(answering(0))

    with pooled(tmp_path, RULES) as here:
        here.origins[0].serve = serve_one
        with connect(here.gateway.reverse) as wire:
            answers = [wire.ask(get("/", HOST)) for _ in range(8)]

    assert {each.status for each in answers} == {200}


def test_what_the_first_server_still_says_is_in_nobodys_answer(tmp_path: Path) -> None:
    def answer_in_pieces(connection: socket.socket, visit: Visit) -> None:
        while read_request(connection, visit):
            connection.sendall(b"HTTP/1.1 503 No\r\nTransfer-Encoding: chunked\r\n\r\n")
            for _ in range(20):
                connection.sendall(b"4\r\nlate\r\n")

    with pooled(tmp_path, RULES) as here:
        here.origins[0].serve = answer_in_pieces
        with connect(here.gateway.reverse) as wire:
            answers = wire.ask_all([get("/", HOST)] * 6)

    assert [(each.status, each.body) for each in answers] == [(200, b"hello")] * 6


def test_each_try_has_a_connection_of_its_own_and_one_pair_of_records(tmp_path: Path) -> None:
    with pooled(tmp_path, RULES, origins=3) as here:
        for number, each in enumerate(here.origins[:2]):
            each.answer = answering(number, "503 No")
        assert here.ask().get("x-origin") == "2"

    assert [len(each.visits) for each in here.origins] == [1, 1, 1]
    assert [each[0] for each in here.gateway.exchanges()] == ["allow", "end"]
