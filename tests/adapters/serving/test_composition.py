from __future__ import annotations

from typing import TYPE_CHECKING

from addons.connections.bounds import Bounds
from addons.connections.fail_closed import hook_table
from addons.serving.composition import HOOK_SLACK, compose
from tests.e2e.gateways import Scenery

if TYPE_CHECKING:
    from pathlib import Path


def test_the_gate_is_asked_first_and_the_end_is_recorded_last(tmp_path: Path) -> None:
    engine = compose(Scenery(folder=tmp_path, origin=1).settings())

    names = [type(addon).__name__ for addon in engine.addons]

    assert names[0] == "Admission"
    assert names[-1] == "Recording"
    assert names.index("Dialing") < names.index("UpstreamTls") < names.index("FieldKeeper")


def test_the_hooks_that_let_something_through_all_have_an_answer(tmp_path: Path) -> None:
    engine = compose(Scenery(folder=tmp_path, origin=1).settings())

    answered = set(hook_table(engine.addons))

    assert answered >= {
        "client_connected",
        "http_connect",
        "tunnel_hello",
        "tunnel_raw",
        "tunnel_broken",
        "unreadable_head",
        "tls_start_client",
        "tls_start_server",
        "requestheaders",
        "server_connect",
        "server_connected",
        "responseheaders",
        "error",
        "client_disconnected",
    }


def test_a_hook_may_wait_longer_than_a_name_may_take_to_resolve(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    stage = compose(settings).stage()

    assert HOOK_SLACK > 0
    assert stage.bounds == Bounds.of(settings.limits)


def test_listeners_know_one_another_as_places_that_nobody_may_reach_through_them(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    engine = compose(settings)

    assert [listener.name for listener in engine.listeners] == ["forward", "reverse"]
    assert [listener.routes is None for listener in engine.listeners] == [True, False]
