"""Sessions with origins: resumed for the same name, never for another, and not after the trust was read again."""

from __future__ import annotations

import asyncio
import ssl
from functools import partial
from typing import TYPE_CHECKING

import pytest

from addons.tls.upstream_tls import UpstreamTls
from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import origin
from tests.e2e.wire import Wire, connect, get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e


def ask(gateway: Running, host: str, port: int) -> int:
    """Ask once, on a new connection."""
    name = f"{host}:{port}"
    trusting = ssl.create_default_context(cafile=gateway.folder / "state" / "ca" / "ca.pem")
    with connect(gateway.forward) as wire:
        wire.send(get(name, name, method="CONNECT"))
        assert wire.interim() == 200
        with trusting.wrap_socket(wire.socket, server_hostname=host) as inside:
            return Wire(inside).ask(get("/", name)).status


def read_again(gateway: Running) -> None:
    asyncio.run_coroutine_threadsafe(gateway.engine.trust.reload_aside("signal"), gateway.loop).result(PATIENCE)


def is_over(gateway: Running, tls: UpstreamTls, kept: int) -> bool:
    """Whether no connection stands, and this many sessions are kept."""
    return len(gateway.engine.connections) == 0 and len(tls.sessions) == kept


def test_a_verified_origin_is_resumed_under_the_same_name_alone(tmp_path: Path) -> None:
    root = authority()
    (tmp_path / "root.pem").write_bytes(root.pem)
    context = root.signs(Wish(names=("origin.example", "other.example"))).served(tmp_path)
    resumed = []
    with (
        origin(tls=context) as served,
        serving(Scenery(folder=tmp_path, origin=served.port, trust=tmp_path / "root.pem")) as gateway,
    ):
        (tls,) = (each for each in gateway.engine.addons if isinstance(each, UpstreamTls))
        for host, kept in (("origin", 1), ("origin", 1), ("other", 2), ("again", 1), ("origin", 1)):
            if host == "again":
                read_again(gateway)
            name = "other.example" if host == "other" else "origin.example"
            assert ask(gateway, name, served.port) == 200
            until(partial(is_over, gateway, tls, kept), "nothing is kept")
            resumed.append(context.session_stats()["hits"])

    assert resumed == [0, 1, 1, 1, 2]
