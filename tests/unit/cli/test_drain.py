from __future__ import annotations

import os
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from gateway.cli.drain import main
from gateway.cli.outcome import Unusable
from gateway.control.channel import SOCKET
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


ENDING = """
import socket, sys, time
listening = socket.socket(socket.AF_UNIX)
listening.bind(sys.argv[1])
listening.listen()
print("ready", flush=True)
listening.accept()[0].close()
with listening, listening.accept()[0] as wire:
    wire.recv(1000)
    wire.sendall(b'{"done": {"connections": 3, "seconds": 5}}\\n')
time.sleep(0.3)  # nobody listens any more, and the process is still there
"""


def test_it_waits_until_the_process_is_gone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    command = [sys.executable, "-c", ENDING, str(tmp_path / SOCKET)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"

        assert main(["--state", str(tmp_path), "--timeout", "5s"]) == 0
        assert process.poll() == 0
    assert capsys.readouterr().out == "draining: 3 connections, at most 5 s\nthe gateway has stopped\n"


def test_where_the_kernel_knows_no_process_it_waits_until_nobody_answers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    thread = saying(tmp_path, b'{"done": {"connections": 3, "seconds": 5}}\n', first=1)
    monkeypatch.setattr(os, "pidfd_open", _unknown)

    assert main(["--state", str(tmp_path), "--timeout", "5s"]) == 0
    thread.join()
    assert capsys.readouterr().out.endswith("\nthe gateway has stopped\n")


def _unknown(pid: int) -> int:
    raise ProcessLookupError(pid)


@pytest.mark.parametrize("timeout", ["-1", "soon", "3601", "nan"])
def test_a_time_that_is_none_drains_nothing(timeout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--state", str(tmp_path), f"--timeout={timeout}"])

    assert left.value.code == 2
    assert "is no number of seconds from 0 to 3600" in capsys.readouterr().err


def test_without_a_gateway_there_is_nothing_to_drain(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
