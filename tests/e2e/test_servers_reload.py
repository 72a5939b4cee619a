"""Servers join and leave by the configuration and a signal, while requests are under way."""

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
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

OPEN: Final = "version: 1\nname: open\ndefault: {action: allow}\n"


@contextmanager
def _three(folder: Path) -> Iterator[tuple[Gateway, list[Origin]]]:
    """A gateway in front of the first of three servers."""
    with origin(answering(0)) as first, origin(answering(1)) as second, origin(answering(2)) as third:
        urls = [f"http://127.0.0.1:{first.port}"]
        with gateway(folder, reverse=OPEN, upstreams=urls) as running:
            yield running, [first, second, third]


def _tell(running: Gateway, upstream: dict[str, Any], said: str) -> None:
    """Write another upstream into the configuration, and wait for what the gateway says of it."""
    file = running.folder / "wicketgate.yaml"
    settings = json.loads(file.read_text("utf-8"))
    settings["upstreams"]["app"] = upstream
    file.write_text(json.dumps(settings), encoding="utf-8")
    told = len(running.process.err)
    running.process.tell(signal.SIGHUP)
    until(lambda: any(said in line for line in running.process.err[told:]), f"`{said}` was never said")


def _servers(*origins: Origin, **more: Any) -> dict[str, Any]:
    return {"servers": [{"url": f"http://127.0.0.1:{each.port}"} for each in origins], **more}


def _asked(running: Gateway, times: int) -> set[str | None]:
    with running.front() as wire:
        return {wire.ask(get("/", HOST)).get("x-origin") for _ in range(times)}


def _met(running: Gateway, many: int) -> set[str | None]:
    """Who answers, once so many have: somebody else who asks takes turns too."""
    met: set[str | None] = set()

    def all_of_them() -> bool:
        met.update(_asked(running, 6))
        return len(met) >= many

    until(all_of_them, "not all of them were asked")
    return met


def test_no_request_fails_while_servers_come_and_go(tmp_path: Path) -> None:
    statuses: list[int] = []
    over = threading.Event()
    with _three(tmp_path) as (running, (first, second, third)):

        def ask_on() -> None:
            with running.front() as wire:
                while not over.is_set():
                    statuses.append(wire.ask(get("/", HOST)).status)

        asking = threading.Thread(target=ask_on)
        asking.start()
        met = []
        for servers in ((first, second), (second, third), (third,)):
            _tell(running, _servers(*servers), "routes and upstreams were read again")
            met.append(_met(running, len(servers)))
        over.set()
        asking.join(PATIENCE)

    changes = [each["standing"] for each in running.records() if each["event"] == "server"]
    assert set(statuses) == {200}
    assert met == [{"0", "1"}, {"1", "2"}, {"2"}]
    assert changes.count("up") == 2
    assert changes.count("draining") == 2


def test_a_configuration_with_mistakes_changes_nothing_and_is_told(tmp_path: Path) -> None:
    with _three(tmp_path) as (running, (first, second, _)):
        _tell(running, _servers(first, second, balance="roundrobin"), "the configuration is refused")

        assert _asked(running, 4) == {"0"}
        assert running.process.wait_for("did you mean `round_robin`?", running.process.err)


def test_health_checks_begin_and_end_with_the_configuration(tmp_path: Path) -> None:
    checked = {"path": "/up", "interval": "50ms", "timeout": "300ms"}
    with _three(tmp_path) as (running, (first, second, _)):
        second.answer = answering(1, "500 Internal Server Error")
        _tell(running, _servers(first, second, health=checked), "is down: its health check failed: it answered 500")
        during = _asked(running, 4)
        _tell(running, _servers(first, second, retries={"most": 0}), "routes and upstreams were read again")
        after = _asked(running, 4)

    assert during == {"0"}
    assert after == {"0", "1"}
