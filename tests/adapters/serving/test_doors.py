"""Doors close behind those who are in them, and in front of everybody else."""

from __future__ import annotations

import asyncio
import gc
import signal
import socket
import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from addons.serving.doors import Door
from tests.e2e.commands import PATIENCE
from tests.e2e.gateway import gateway

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_CLIENTS = 5
POLICY = "version: 1\nname: front\ndefault: {action: allow}\n"


async def arrivals(close: Callable[[asyncio.Server], None]) -> tuple[int, bool]:
    """How many of those get in who were accepted right before the server is closed, and whether it refuses others."""
    came: list[asyncio.StreamWriter] = []
    server = await asyncio.start_server(lambda _, writer: came.append(writer), "127.0.0.1", 0, backlog=_CLIENTS)
    where = server.sockets[0].getsockname()
    with ExitStack() as held:
        for _ in range(_CLIENTS):
            held.enter_context(socket.create_connection(where))
        for _ in range(2):  # the loop hears of them in the first turn, and asyncio makes a transport in the third
            await asyncio.sleep(0)
        close(server)
        for _ in range(6):
            await asyncio.sleep(0)
    for each in came:
        each.close()
    with pytest.raises(ConnectionRefusedError):
        await asyncio.open_connection(*where)
    return len(came), server.is_serving()


@pytest.fixture
def unraisable(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What would be a traceback on the standard error stream."""
    seen: list[str] = []
    monkeypatch.setattr(sys, "unraisablehook", lambda each: seen.append(str(each.exc_value)))
    return seen


def test_whoever_was_accepted_gets_in_before_the_door_is_closed(unraisable: list[str]) -> None:
    assert asyncio.run(arrivals(lambda server: Door(server).close())) == (_CLIENTS, False)

    gc.collect()
    assert unraisable == []


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_asyncio_alone_loses_them_and_complains(unraisable: list[str]) -> None:
    """What the door is for: once this fails, it can go."""
    assert asyncio.run(arrivals(asyncio.Server.close))[0] == 0

    gc.collect()
    assert set(unraisable) == {"'NoneType' object is not iterable"}


@pytest.mark.e2e
def test_hundreds_that_have_just_connected_leave_no_traceback_when_the_gateway_ends(tmp_path: Path) -> None:
    with (
        gateway(tmp_path, reverse=POLICY, upstreams=["http://127.0.0.1:9"], settings=_MANY) as running,
        ExitStack() as held,
    ):
        running.process.tell(signal.SIGSTOP)
        for _ in range(300):
            held.enter_context(socket.create_connection(("127.0.0.1", running.reverse)))
        running.process.tell(signal.SIGTERM)  # heard in the same turn of its loop as the connections
        running.process.tell(signal.SIGCONT)
        assert running.process.process.wait(PATIENCE) == 0

        assert [line for line in running.process.err if "Traceback" in line or "Error" in line] == []


_MANY = {"limits": {"connections": 1000, "connections_per_client": 1000}}
