from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import httpx
import pytest

from gateway.quickstart.process import NotStarted, application

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.e2e

HOST = "127.0.0.1"


def _free_port() -> int:
    with socket.create_server((HOST, 0)) as listener:
        port: int = listener.getsockname()[1]
    return port


def _accepts(port: int) -> bool:
    try:
        socket.create_connection((HOST, port), timeout=1.0).close()
    except OSError:
        return False
    return True


def _becomes_true(what: Callable[[], bool], within: float = 10.0) -> bool:
    give_up = time.monotonic() + within
    while not what() and time.monotonic() < give_up:
        time.sleep(0.05)
    return what()


def test_the_application_answers_within_the_block_and_is_gone_behind_it() -> None:
    port = _free_port()

    with application(HOST, port):
        assert httpx.get(f"http://{HOST}:{port}/healthz", trust_env=False).json() == {"status": "ok"}

    assert not _accepts(port)


def test_the_application_ends_when_its_starter_is_killed() -> None:
    port = _free_port()
    script = (
        "import time; from gateway.quickstart.process import application\n"
        f"with application({HOST!r}, {port}): time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script]) as starter:
        assert _becomes_true(lambda: _accepts(port))

        os.kill(starter.pid, signal.SIGKILL)

    assert _becomes_true(lambda: not _accepts(port))


def test_an_application_that_cannot_start_says_so_at_once() -> None:
    with pytest.raises(NotStarted, match="ended at once"), application("192.0.2.1", 1):
        pytest.fail("it cannot run on an address that this machine does not have")
