"""Routes and upstreams of the configuration are read again at a signal, while requests are under way."""

from __future__ import annotations

import json
import signal
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import Origin, origin
from tests.e2e.pooled import HOST, answering
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

OPEN: Final = "version: 1\nname: open\ndefault: {action: allow}\n"
TAKEN: Final = "routes and upstreams were read again"
REFUSED: Final = "the configuration is refused, routes and upstreams from before stay in force"


@contextmanager
def _two(folder: Path) -> Iterator[tuple[Gateway, Origin, Origin]]:
    """A gateway in front of the first of two applications."""
    with (
        origin(answering(0)) as first,
        origin(answering(1)) as second,
        gateway(folder, reverse=OPEN, upstreams=[f"http://127.0.0.1:{first.port}"]) as running,
    ):
        yield running, first, second


def _tell(running: Gateway, change: Callable[[dict[str, Any]], object], said: str) -> None:
    """Change the configuration, and wait for what the gateway says of it."""
    file = running.folder / "wicketgate.yaml"
    settings = json.loads(file.read_text("utf-8"))
    change(settings)
    file.write_text(json.dumps(settings), encoding="utf-8")
    told = len(running.process.err)
    running.process.tell(signal.SIGHUP)
    until(lambda: any(said in line for line in running.process.err[told:]), f"`{said}` was never said")


def _shop(settings: dict[str, Any]) -> dict[str, Any]:
    found: dict[str, Any]
    (found,) = (each for each in settings["listeners"] if each["mode"] == "reverse")
    return found


def _with(origin_of_new: Origin, *routes: dict[str, Any]) -> Callable[[dict[str, Any]], None]:
    """A change: another upstream `new`, and these routes."""

    def change(settings: dict[str, Any]) -> None:
        settings["upstreams"]["new"] = {"servers": [{"url": f"http://127.0.0.1:{origin_of_new.port}"}]}
        _shop(settings)["routes"] = list(routes)

    return change


def _asked(running: Gateway, path: str) -> tuple[int, str | None]:
    with running.front() as wire:
        answer = wire.ask(get(path, HOST))
    return answer.status, answer.get("x-origin")


def test_no_request_fails_while_routes_and_upstreams_come_and_go(tmp_path: Path) -> None:
    statuses: list[int] = []
    over = threading.Event()
    with _two(tmp_path) as (running, _, second):

        def ask_on() -> None:
            with running.front() as wire:
                while not over.is_set():
                    statuses.append(wire.ask(get("/", HOST)).status)

        asking = threading.Thread(target=ask_on)
        asking.start()
        for _ in range(5):
            _tell(running, _with(second, {"upstream": "new"}), TAKEN)
            met_new = _asked(running, "/")
            _tell(running, lambda all_of_it: _shop(all_of_it).update(routes=[{"upstream": "app"}]), TAKEN)
            met_old = _asked(running, "/")
        over.set()
        asking.join(PATIENCE)

    records = [each for each in running.records() if each["event"] == "configuration"]
    assert (met_new, met_old) == ((200, "1"), (200, "0"))
    assert set(statuses) == {200}
    assert [each["outcome"] for each in records] == ["loaded"] * 10


def test_an_upstream_that_was_left_out_is_reached_no_more(tmp_path: Path) -> None:
    with _two(tmp_path) as (running, _, second):
        _tell(running, _with(second, {"upstream": "app"}, {"path": {"prefix": ["/new"]}, "upstream": "new"}), TAKEN)
        before = _asked(running, "/new/x"), _asked(running, "/x")

        def only_new(settings: dict[str, Any]) -> None:
            del settings["upstreams"]["app"]
            _shop(settings)["routes"] = [{"path": {"prefix": ["/new"]}, "upstream": "new"}]

        _tell(running, only_new, TAKEN)
        after = _asked(running, "/new/x"), running.refusal(get("/x", HOST), reverse=True)

    assert before == ((200, "1"), (200, "0"))
    assert after == ((200, "1"), (404, "no-route", None))


@pytest.mark.parametrize(
    ("route", "why"),
    [
        ({"upstream": "nobody"}, "`nobody`"),
        ({"upstream": "app", "cache": {"enabled": True}}, "the first route with a `cache` needs a new start"),
    ],
    ids=["unknown upstream", "first cache"],
)
def test_routes_that_cannot_be_are_refused_and_the_old_ones_stay(
    tmp_path: Path, route: dict[str, Any], why: str
) -> None:
    with _two(tmp_path) as (running, _, second):
        _tell(running, _with(second, {"upstream": "new"}, {"path": {"prefix": ["/x"]}, **route}), REFUSED)
        running.process.wait_for(why, running.process.err)
        record = running.wait_for(lambda each: each["event"] == "configuration")

        assert _asked(running, "/") == (200, "0")
    assert record["outcome"] == "refused"
    assert why in "".join(record["problems"])


def test_what_waits_for_the_next_start_is_told(tmp_path: Path) -> None:
    def change(settings: dict[str, Any]) -> None:
        settings["limits"] = {"head": "16KiB"}
        _shop(settings)["trusted_proxies"] = ["10.0.0.0/8"]

    with _two(tmp_path) as (running, _, _second):
        _tell(running, change, "`limits` has changed: that takes effect at the next start")

        name = running.wait_for(lambda each: each["event"] == "configuration")["problems"][1]
    assert name.endswith("`trusted_proxies` has changed: that takes effect at the next start")
