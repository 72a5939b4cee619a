from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from addons.connections.fail_closed import hook_table
from addons.connections.failures import Failures
from addons.stock.hooks import Answers, StockDispatch, client_of
from tests.adapters.scene import PLAIN, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.stock.hooks import Outcome


class Hooks:
    """Answers a few hooks: well, badly, and never."""

    def request(self, _flow: object) -> None:
        """Comes to its end."""

    def requestheaders(self, _flow: object) -> None:
        raise ValueError("secret of the inside")

    def responseheaders(self, _flow: object) -> None:
        raise SystemExit

    async def response(self, _flow: object) -> None:
        await asyncio.Event().wait()

    def client_connected(self, _client: object) -> None:
        raise ValueError("no")

    def server_connect(self, _data: object) -> None:
        raise ValueError("no")

    def server_connected(self, _data: object) -> None:
        raise ValueError("no")

    def error(self, _flow: object) -> None:
        raise ValueError("no")


def _dispatch(scene: Scene) -> tuple[StockDispatch, Answers]:
    answers, failures = Answers(), Failures(scene.connections, scene.recorder, scene.now)
    return StockDispatch(hook_table((Hooks(),)), failures, answers, 0.05), answers


def _outcome(scene: Scene, name: str, data: Any, subject: object = None) -> Outcome:
    dispatch, answers = _dispatch(scene)
    answers.ask(name, subject or data)
    asyncio.run(dispatch.call(name, data))
    found = answers.take(name, subject or data)
    assert len(answers) == 0
    return found


@pytest.mark.parametrize(
    ("wanted", "name"),
    [("passed", "request"), ("failed", "responseheaders"), ("failed", "response"), ("passed", "error")],
)
def test_only_a_hook_that_came_to_its_end_passes_or_one_that_tells_of_an_end(
    scene: Callable[..., Scene], wanted: Outcome, name: str
) -> None:
    set_scene = scene()
    flow = set_scene.ask(set_scene.client(), PLAIN)

    assert wanted == _outcome(set_scene, name, flow)
    recorded = [("decision", "allow", "allowed-by-default"), ("end", None)]
    assert list(set_scene.shapes()) == (recorded[:1] if name == "request" else recorded)


def test_a_request_whose_hook_failed_is_answered_without_a_word_of_the_inside(scene: Callable[..., Scene]) -> None:
    set_scene = scene()
    flow = set_scene.flow(set_scene.client(), PLAIN)

    assert _outcome(set_scene, "requestheaders", flow) == "passed"
    assert flow.response is not None
    assert (flow.response.status_code, flow.response.headers["connection"]) == (500, "close")
    assert b"secret" not in (flow.response.raw_content or b"secret")
    assert list(set_scene.shapes()) == [("decision", "deny", "internal-error"), ("end", 500)]


def test_a_request_that_cannot_even_be_answered_is_killed(scene: Callable[..., Scene]) -> None:
    flow = tflow.tflow()
    flow.live = True

    assert _outcome(scene(), "requestheaders", flow) == "failed"
    assert (flow.killable, flow.response) == (False, None)


def test_connections_whose_hook_failed_are_refused_in_mitmproxys_own_words(scene: Callable[..., Scene]) -> None:
    set_scene = scene()
    client, server = set_scene.client(), tflow.tserver_conn()
    data = ServerConnectionHookData(server=server, client=client)

    assert _outcome(set_scene, "client_connected", client) == "failed"
    assert _outcome(set_scene, "server_connect", data, server) == "failed"
    assert (client.error, server.error) == ("refused", "refused")
    assert _outcome(set_scene, "server_connected", data, server) == "failed"


def test_a_hook_that_nobody_called_is_unheard() -> None:
    answers, flow = Answers(), tflow.tflow()
    answers.ask("request", flow)
    answers.say("response", flow, "passed")

    assert (answers.take("request", flow), answers.take("request", flow), len(answers)) == ("unheard", "unheard", 0)


def test_being_told_to_stop_is_no_failure(scene: Callable[..., Scene]) -> None:
    set_scene = scene()
    flow = set_scene.ask(set_scene.client(), PLAIN)
    dispatch, _ = _dispatch(set_scene)

    async def stopped() -> None:
        task = asyncio.create_task(dispatch.call("response", flow))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(stopped())

    assert list(set_scene.shapes()) == [("decision", "allow", "allowed-by-default")]


def test_every_argument_of_a_hook_belongs_to_a_client(scene: Callable[..., Scene]) -> None:
    client = scene().client()
    flow = tflow.tflow(client_conn=client)
    data = ServerConnectionHookData(server=tflow.tserver_conn(), client=client)

    assert [client_of(each) is client for each in (client, flow, data)] == [True] * 3
