from __future__ import annotations

import os
import signal
import socket
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.admin.brief import Brief
from gateway.admin.process import MOST_DEATHS, Keeper

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as opened:
        yield opened


def until(condition: Callable[[], bool]) -> None:
    give_up = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < give_up
        time.sleep(0.02)


def answers(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/healthz", trust_env=False, timeout=2).status_code == 200
    except httpx.HTTPError:
        return False


def test_it_is_started_again_when_it_dies_and_gone_when_it_is_stopped(tmp_path: Path, listening: socket.socket) -> None:
    said: list[str] = []
    port = listening.getsockname()[1]
    keeper = Keeper(Brief(socket=listening.fileno(), state=str(tmp_path), version="1"), listening, said.append)

    keeper.start()
    until(lambda: answers(port))
    first = keeper.process
    assert first is not None
    os.kill(first, signal.SIGKILL)
    until(lambda: keeper.process not in {None, first} and answers(port))
    keeper.stop()

    assert said == ["the admin side ended with code -9, it is started again"]
    assert not answers(port)


def test_one_that_dies_again_and_again_stays_down_and_that_is_said(tmp_path: Path, listening: socket.socket) -> None:
    said: list[str] = []
    keeper = Keeper(Brief(socket=0, state=str(tmp_path), version="1"), listening, said.append)

    keeper.start(pause=0.0)
    until(lambda: len(said) == MOST_DEATHS)
    keeper.stop()

    assert said[-1].startswith(f"the admin side ended {MOST_DEATHS} times within 60 s and stays down")
    assert set(said[:-1]) == {"the admin side ended with code 1, it is started again"}


def test_one_that_was_never_started_can_be_stopped(tmp_path: Path, listening: socket.socket) -> None:
    Keeper(Brief(socket=0, state=str(tmp_path), version="1"), listening, list[str]().append).stop()

    assert listening.fileno() == -1
