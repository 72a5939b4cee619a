"""What is not seen from outside: nothing is loaded, and nothing stays behind. The rest is in tests/e2e."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import pytest

from addons.http3.front import QuicFront
from addons.serving.composition import compose
from addons.serving.listeners import Crowd, open_datagrams
from gateway.policy.addresses import Address
from tests.e2e.gateways import Scenery

if TYPE_CHECKING:
    from pathlib import Path

_LOADED = "import sys, addons.serving.engine; print([m for m in sys.modules if m.startswith('addons.http3')])"


def test_nothing_of_it_is_loaded_for_whoever_speaks_no_http3() -> None:
    found = subprocess.run([sys.executable, "-c", _LOADED], capture_output=True, text=True, check=True)

    assert found.stdout.strip() == "[]"


def test_a_front_that_serves_nobody_closes_its_socket(tmp_path: Path) -> None:
    async def test() -> bool:
        settings = Scenery(folder=tmp_path, origin=1).settings()
        engine = compose(settings)
        crowd: Any = Crowd(settings.limits)
        front = QuicFront(engine.listeners[1], crowd, engine, engine.stage())
        opened = open_datagrams(Address.parse("127.0.0.1"), 0)
        transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(lambda: front, sock=opened)
        front.datagram_received(b"noise", ("127.0.0.1", 1))
        front.close()
        return transport.is_closing()

    assert asyncio.run(test())


def test_a_port_is_taken_by_one_alone() -> None:
    with open_datagrams(Address.parse("127.0.0.1"), 0) as first:
        address, port = first.getsockname()
        with pytest.raises(OSError, match="in use"):
            open_datagrams(Address.parse(address), port)
        assert first.type == socket.SOCK_DGRAM


def test_a_fault_of_datagrams_is_told_once_to_the_operator_and_ends_nothing(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test() -> None:
        settings = Scenery(folder=tmp_path, origin=1).settings()
        engine = compose(settings)
        crowd: Any = Crowd(settings.limits)
        front = QuicFront(engine.listeners[1], crowd, engine, engine.stage())
        for _ in range(3):
            front.datagram_received(b"noise", ())  # from nowhere, which no socket does

    asyncio.run(test())

    assert [record.levelname for record in caplog.records if "were dropped" in record.getMessage()] == ["ERROR"]
