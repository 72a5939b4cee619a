from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import pytest
from mitmproxy.http import HTTPFlow, Response
from mitmproxy.proxy import events, server_hooks
from mitmproxy.proxy.layers.http._hooks import HttpErrorHook, HttpRequestHeadersHook, HttpResponseHook
from mitmproxy.test import tflow

from addons.connections.bounds import Bounds
from addons.connections.fail_closed import Dispatch, HookFailed
from addons.connections.handler import Stage
from addons.connections.hook_running import HookRunner

if TYPE_CHECKING:
    from mitmproxy.connection import Server
    from mitmproxy.proxy.commands import StartHook

    from addons.upstream.connecting import Streams


async def _nowhere(_server: Server) -> Streams:
    raise ConnectionError("nothing is dialled here")


@dataclass
class Scene:
    """A runner whose hooks are `methods`, and all that it says."""

    methods: dict[str, Any]
    answers: bool = True
    said: list[str] = field(default_factory=list)
    flow: HTTPFlow = field(default_factory=tflow.tflow)

    def runner(self) -> HookRunner:
        table = {name: (method,) for name, method in self.methods.items()}
        stage = Stage(
            dispatch=Dispatch(table, 0.05),
            bounds=Bounds(),
            failed=lambda _client, place, error: self.said.append(f"failed {place} {type(error).__name__}"),
            unjudged=self._unjudged,
            late=lambda _client: None,
            connect=_nowhere,
        )
        return HookRunner(
            self.flow.client_conn,
            stage,
            completed=self._completed,
            broken=lambda place, error: self.said.append(f"broken {place} {type(error).__name__}"),
        )

    def _completed(self, event: events.Event) -> None:
        self.said.append(type(event).__name__)

    def _unjudged(self, _flow: HTTPFlow, place: str, _error: BaseException) -> Response:
        if not self.answers:
            raise ValueError(place)
        return Response.make(503)


def fails(_subject: object) -> None:
    raise ValueError("a bug")


async def hangs(_subject: object) -> None:
    await asyncio.Event().wait()


async def does_nothing(_subject: object) -> None:
    await asyncio.sleep(0)


@pytest.mark.parametrize("method", [lambda _subject: None, does_nothing])
def test_a_layer_goes_on_when_its_hook_is_done(method: Any) -> None:
    scene = Scene({"response": method})

    asyncio.run(_started(scene, HttpResponseHook(scene.flow)))

    assert scene.said == ["HookCompleted"]


@pytest.mark.parametrize(("error", "method"), [("ValueError", fails), ("TimeoutError", hangs)])
def test_a_hook_after_the_head_was_sent_breaks_the_connection(error: str, method: Any) -> None:
    scene = Scene({"response": method})

    asyncio.run(_started(scene, HttpResponseHook(scene.flow)))

    assert scene.said == [f"broken response {error}"]


@pytest.mark.parametrize("method", [fails, hangs])
def test_a_request_whose_judging_failed_is_answered_while_it_can_be(method: Any) -> None:
    scene = Scene({"requestheaders": method})

    asyncio.run(_started(scene, HttpRequestHeadersHook(scene.flow)))

    assert scene.said == ["HookCompleted"]
    assert scene.flow.response is not None
    assert (scene.flow.response.status_code, scene.flow.response.headers["Connection"]) == (503, "close")


def test_a_request_that_cannot_even_be_answered_ends_the_connection() -> None:
    scene = Scene({"requestheaders": fails}, answers=False)

    asyncio.run(_started(scene, HttpRequestHeadersHook(scene.flow)))

    assert scene.said == ["broken requestheaders ValueError"]


async def _asked(scene: Scene) -> tuple[bool, list[str]]:
    """Whether a hook that was asked at once was done at once, and what was said until the layer waited for it."""
    runner = scene.runner()
    asked = runner.ask(HttpResponseHook, scene.flow)
    before = list(scene.said)
    if asked is not None:
        runner.start(asked)
        await asyncio.sleep(0.2)
    return asked is None, before


async def does_nothing_at_all(_subject: object) -> None:
    pass


@pytest.mark.parametrize("method", [lambda _subject: None, does_nothing_at_all])
def test_a_hook_that_does_not_wait_is_done_when_it_was_asked(method: Any) -> None:
    scene = Scene({"response": method})

    assert asyncio.run(_asked(scene)) == (True, [])
    assert scene.said == []


@pytest.mark.parametrize(
    ("said", "method"),
    [
        ("HookCompleted", does_nothing),
        ("broken response ValueError", fails),
        ("broken response TimeoutError", hangs),
    ],
)
def test_a_hook_that_waits_or_fails_when_asked_is_settled_once_the_layer_waits(said: str, method: Any) -> None:
    scene = Scene({"response": method})

    assert asyncio.run(_asked(scene)) == (False, [])
    assert scene.said == [said]


def test_a_failure_in_a_hook_that_tells_of_an_end_is_recorded_and_tidying_up_goes_on() -> None:
    scene = Scene({"error": fails})

    asyncio.run(_started(scene, HttpErrorHook(scene.flow)))

    assert scene.said == ["failed error ValueError", "HookCompleted"]


def test_a_client_whose_first_hook_failed_is_refused() -> None:
    scene = Scene({"client_connected": fails})

    asyncio.run(scene.runner().run(server_hooks.ClientConnectedHook(scene.flow.client_conn)))

    assert (scene.said, scene.flow.client_conn.error) == (["failed client_connected ValueError"], "refused")


@pytest.mark.parametrize(("error", "method"), [("ValueError", fails), ("TimeoutError", hangs)])
def test_a_failed_hook_of_an_upstream_lets_nothing_on_the_connection_go_on(error: str, method: Any) -> None:
    scene = Scene({"server_connect": method})
    data = server_hooks.ServerConnectionHookData(scene.flow.server_conn, scene.flow.client_conn)

    with pytest.raises(HookFailed):
        asyncio.run(scene.runner().run(server_hooks.ServerConnectHook(data)))

    assert scene.said == [f"broken server_connect {error}"]


def test_hooks_that_wait_are_stopped_with_the_connection() -> None:
    scene = Scene({"response": hangs})

    async def stopped() -> int:
        runner = scene.runner()
        runner.start(HttpResponseHook(scene.flow))
        runner.stop()
        await asyncio.sleep(0.1)
        return len(asyncio.all_tasks())

    assert asyncio.run(stopped()) == 1
    assert scene.said == []


async def _started(scene: Scene, hook: StartHook) -> None:
    scene.runner().start(hook)
    await asyncio.sleep(0.1)
