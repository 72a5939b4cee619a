"""Several real gateways in front of one application, counting together in a real store."""

from __future__ import annotations

import json
import subprocess
import threading
from contextlib import ExitStack, contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get
from tests.stores import StoreServer, store_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOST: Final = "shop.example"
POLICY: Final = """\
version: 1
name: shop
default: {action: allow}
limits:
  - {id: machine, key: [client.ip], rate: 1000/min, burst: 1000}
  - {id: together, key: [client.ip], rate: 30/h, burst: 30, scope: cluster, when: {path: {prefix: [/rate]}}}
  - {id: running, key: [client.ip], concurrent: 2, scope: cluster, when: {path: {prefix: [/slow]}}}
"""
REFUSED: Final = (429, "rate-exceeded", "together")
UNAVAILABLE: Final = (503, "limits-unavailable", "together")
"""What a client is told while the store is away."""


@pytest.fixture
def server(tmp_path: Path) -> Iterator[StoreServer]:
    with store_server(tmp_path) as made:
        yield made


@contextmanager
def fleet(folder: Path, store: StoreServer, count: int, **more: Any) -> Iterator[list[Gateway]]:
    """So many gateways of one policy."""
    settings = {"limits_store": {"url": store.url, "timeout": "2s", **more}}
    with RecordingOrigin() as origin, ExitStack() as running:
        gateways = []
        for number in range(count):
            place = folder / f"gateway-{number}"
            place.mkdir()
            url = f"http://127.0.0.1:{origin.port}"
            made = gateway(place, reverse=POLICY, upstreams=[url], settings=settings)
            gateways.append(running.enter_context(made))
        yield gateways


def asked(one: Gateway, path: str = "/rate") -> int:
    with one.front() as wire:
        return wire.ask(get(path, HOST)).status


def test_gateways_never_let_more_through_than_the_limit(tmp_path: Path, server: StoreServer) -> None:
    with fleet(tmp_path, server, 3) as gateways:
        statuses: list[int] = []

        def hammer(one: Gateway) -> None:
            with one.front() as wire:
                statuses.extend(wire.ask(get("/rate", HOST)).status for _ in range(20))

        threads = [threading.Thread(target=hammer, args=(one,)) for one in gateways]
        for each in threads:
            each.start()
        for each in threads:
            each.join()

        assert (statuses.count(200), statuses.count(429)) == (30, 30)
        assert gateways[0].refusal(get("/rate", HOST), reverse=True) == REFUSED
        assert asked(gateways[0], "/other") == 200
        limits = gateways[1].wait_for(lambda each: each.get("seq") == _first(gateways[1]))["limits"]
        assert [(each["id"], each.get("store")) for each in limits] == [("machine", None), ("together", "cluster")]
        assert "10.0.0" not in server.tell("--raw", "KEYS", "*")


def _first(one: Gateway) -> object:
    """The number of the first decision of a gateway."""
    return next(each["seq"] for each in one.records() if each["event"] == "decision")


def test_without_the_store_gateways_refuse_and_say_so_once(tmp_path: Path, server: StoreServer) -> None:
    with fleet(tmp_path, server, 1) as (one,):
        assert asked(one) == 200
        server.kill()
        assert [one.refusal(get("/rate", HOST), reverse=True) for _ in range(4)] == [UNAVAILABLE] * 4
        assert asked(one, "/other") == 200
        server.start()
        until(lambda: any("is back" in line for line in one.process.err), "it never came back")
        assert asked(one) == 200

        told = one.wait_for(lambda each: (each["event"], each.get("standing")) == ("store", "back"))
        away = one.wait_for(lambda each: (each["event"], each.get("standing")) == ("store", "away"))
        assert (away["instead"], away["detail"], told["instead"]) == ("closed", "it cannot be reached", "closed")
        assert sum("is away: it cannot be reached" in line for line in one.process.err) == 1


def _told(one: Gateway, verb: str) -> str:
    """What a verb says of a running gateway."""
    command = [COMMAND, verb, "--state", str(one.state)]
    return subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False).stdout


def test_a_gateway_with_another_secret_refuses_what_it_cannot_count_with_the_others(
    tmp_path: Path, server: StoreServer
) -> None:
    folders = [tmp_path / name for name in ("first", "other")]
    for folder in folders:
        folder.mkdir()
        (folder / "names.secret").write_text(f"the secret of {folder.name} and long enough", encoding="utf-8")
    first, other = ({"secret": {"file": str(folder / "names.secret")}} for folder in folders)
    with fleet(folders[0], server, 1, **first) as (one,):
        assert asked(one) == 200
        with fleet(folders[1], server, 1, **other) as (stranger,):
            assert stranger.refusal(get("/rate", HOST), reverse=True) == UNAVAILABLE
            assert sum("with another `secret`" in line for line in stranger.process.err) == 1
            assert "IS AWAY: other gateways count in it with another `secret`" in _told(stranger, "status")
        assert "is up, 1 asked, 0 failed" in _told(one, "status")
        metrics = _told(one, "metrics")

    assert f'wicketgate_limit_store_up{{store="{server.url}"}} 1.0' in metrics
    assert f'wicketgate_limit_store_requests_total{{outcome="asked",store="{server.url}"}} 1.0' in metrics


def test_without_the_store_every_gateway_may_count_alone(tmp_path: Path, server: StoreServer) -> None:
    server.kill()
    with fleet(tmp_path, server, 1, on_failure="local") as (one,):
        assert [asked(one) for _ in range(30)] == [200] * 30
        assert one.refusal(get("/rate", HOST), reverse=True) == REFUSED
        decided = [each for each in one.records() if each["event"] == "decision"]
        assert {each["limits"][-1]["store"] for each in decided} == {"local"}
        server.start()
        until(lambda: any("is back" in line for line in one.process.err), "it never came back")
        assert asked(one) == 200


def test_what_has_ended_is_given_back_by_every_gateway(tmp_path: Path, server: StoreServer) -> None:
    with fleet(tmp_path, server, 2) as (one, other):
        assert [asked(each, "/slow") for each in (one, other, one, other)] == [200] * 4
        until(lambda: "zset" not in _types(server), "what has ended was never given back")


def _types(server: StoreServer) -> set[str]:
    return {server.tell("--raw", "TYPE", name).strip() for name in server.tell("--raw", "KEYS", "*").split()}


def test_a_policy_with_shared_limits_needs_a_store(tmp_path: Path) -> None:
    (tmp_path / "reverse.yaml").write_text(POLICY, encoding="utf-8")
    listener = {"name": "shop", "mode": "reverse", "bind": "127.0.0.1:1", "policy": "reverse.yaml"}
    listeners = [listener | {"routes": [{"upstream": "app"}]}]
    upstreams = {"app": {"servers": [{"url": "http://127.0.0.1:9"}]}}
    settings = {"version": 1, "listeners": listeners, "upstreams": upstreams}
    (tmp_path / "wicketgate.yaml").write_text(json.dumps(settings), encoding="utf-8")

    run = [COMMAND, "run", "--config", "wicketgate.yaml"]
    ended = subprocess.run(run, cwd=tmp_path, stderr=subprocess.PIPE, text=True, timeout=PATIENCE, check=False)

    assert ended.returncode != 0
    assert "reverse.yaml:6" in ended.stderr
    assert "limit `together` has the scope `cluster`, and the configuration names no store" in ended.stderr
