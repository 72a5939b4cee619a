from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from dataclasses import replace
from typing import IO, TYPE_CHECKING

import pytest

from addons.serving.engine import NotStarted, run
from gateway.audit.reading.reader import records
from tests.e2e import origin as origins
from tests.e2e.gateways import Scenery
from tests.e2e.origin import HELLO, Visit, ask, client, read_all, read_answer, status_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

REQUEST = b"GET /in HTTP/1.1\r\nHost: shop.example\r\n\r\n"
NOBODY = "rules: [{id: nobody, action: deny, reason: nobody comes in, when: {path: {prefix: [/in]}}}]\n"
SCRIPT = """
import sys
from pathlib import Path
from addons.serving.engine import run
from tests.e2e.gateways import Scenery

settings = Scenery(folder=Path(sys.argv[1]), origin=int(sys.argv[2])).settings()
print(settings.listeners[1].bind[1], flush=True)
run(settings, said=lambda text: print(text, flush=True), version="0")
"""

AGAIN = """
import sys, time
from pathlib import Path
from addons.serving.engine import run
from tests.e2e.gateways import Scenery

folder = Path(sys.argv[1])
settings = Scenery(folder=folder, origin=int(sys.argv[2])).settings()

def again():
    print("begin", flush=True)
    while not (folder / "go").exists():
        time.sleep(0.01)
    print("end", flush=True)
    raise RuntimeError("nobody thought of this")

print(settings.listeners[1].bind[1], flush=True)
run(settings, said=lambda text: print(text, flush=True), version="0", again=again)
"""


@contextmanager
def started(folder: Path, port: int, script: str = SCRIPT) -> Iterator[tuple[subprocess.Popen[str], int, IO[str]]]:
    """The engine as a process: it, its reverse port, and what it says."""
    command = [sys.executable, "-c", script, str(folder), str(port)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        out = process.stdout
        assert out is not None
        try:
            reverse = int(out.readline())
            assert out.readline().startswith("ready: forward 127.0.0.1:")
            yield process, reverse, out
        finally:
            if process.poll() is None:
                process.kill()


def test_everything_that_keeps_it_from_starting_is_told_in_one_go(tmp_path: Path) -> None:
    settings = Scenery(folder=tmp_path, origin=1).settings()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        forward = replace(settings.listeners[0], bind=(settings.listeners[0].bind[0], taken.getsockname()[1]))
        broken = replace(settings.listeners[1], policy=tmp_path / "broken.yaml")
        broken.policy.write_text("version: 1\nnmae: x\n", encoding="utf-8")

        with pytest.raises(NotStarted) as stopped:
            run(
                replace(settings, listeners=(forward, broken)),
                said=lambda _text: None,
                version="0",
            )

    problems = "\n".join(stopped.value.problems)
    assert "is taken by another process" in problems
    assert "nmae" in problems


def test_it_serves_until_it_is_told_to_end_and_records_start_and_stop(tmp_path: Path) -> None:
    with origins.origin() as origin, started(tmp_path, origin.port) as (process, reverse, _):
        assert status_of(ask(reverse, REQUEST)) == 200
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0

    events = [record["event"] for record in records(tmp_path / "state" / "audit")]
    assert [event for event in events if event in {"start", "stop"}] == ["start", "stop"]
    assert events[-1] == "stop"


def _slowly(connection: socket.socket, visit: Visit) -> None:
    origins.read_request(connection, visit)
    time.sleep(0.7)
    connection.sendall(HELLO)


def test_an_exchange_that_runs_is_finished_and_nobody_else_is_let_in(tmp_path: Path) -> None:
    with origins.origin(serve=_slowly) as origin, started(tmp_path, origin.port) as (process, reverse, _):
        with client(reverse) as idle, client(reverse) as busy:
            busy.sendall(REQUEST)
            time.sleep(0.2)
            process.send_signal(signal.SIGINT)
            assert read_all(idle) == b""
            with pytest.raises(OSError, match="refused"):
                ask(reverse, REQUEST)
            assert status_of(read_answer(busy)) == 200
        assert process.wait(15) == 0


def test_told_twice_it_ends_at_once(tmp_path: Path) -> None:
    def never(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        visit.closed.wait(5)

    with origins.origin(serve=never) as origin, started(tmp_path, origin.port) as (process, reverse, _):
        with client(reverse) as busy:
            busy.sendall(REQUEST)
            time.sleep(0.2)
            begun = time.monotonic()
            process.send_signal(signal.SIGINT)
            time.sleep(0.1)
            process.send_signal(signal.SIGINT)
            process.wait(15)
        assert time.monotonic() - begun < 4


def test_a_hangup_reads_the_policy_again_and_a_bad_one_changes_nothing(tmp_path: Path) -> None:
    with origins.origin() as origin, started(tmp_path, origin.port) as (process, reverse, out):
        policy = tmp_path / "policy.yaml"
        good = policy.read_text("utf-8")
        policy.write_text(good + NOBODY, encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert "the policy was read again" in out.readline()
        assert "the policy was read again" in out.readline()
        assert status_of(ask(reverse, REQUEST)) == 403

        policy.write_text("version: 1\nnmae: x\n", encoding="utf-8")
        process.send_signal(signal.SIGHUP)
        assert "the new policy is refused, the old one stays in force" in out.readline()
        assert status_of(ask(reverse, REQUEST)) == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(15) == 0


def test_hangups_are_obeyed_one_after_the_other_and_whatever_fails_changes_nothing(tmp_path: Path) -> None:
    with origins.origin() as origin, started(tmp_path, origin.port, AGAIN) as (process, reverse, out):

        def said_until(wanted: str) -> list[str]:
            lines: list[str] = []
            while not lines or wanted not in lines[-1]:
                lines.append(out.readline())
                assert lines[-1], f"`{wanted}` was never said: {lines}"
            return [line.strip() for line in lines if line.strip() in {"begin", "end"}]

        process.send_signal(signal.SIGHUP)
        order = said_until("begin")
        process.send_signal(signal.SIGHUP)
        answers = [status_of(ask(reverse, REQUEST)) for _ in range(20)]
        (tmp_path / "go").touch()
        order += said_until("nobody thought of this") + said_until("nobody thought of this")
        answers.append(status_of(ask(reverse, REQUEST)))
        process.send_signal(signal.SIGTERM)
        process.wait(20)
        refused = [each for each in records(tmp_path / "state" / "audit") if each["event"] == "configuration"]

    assert order == ["begin", "end", "begin", "end"]
    assert set(answers) == {200}
    assert [each["outcome"] for each in refused] == ["refused", "refused"]
    assert refused[0]["problems"] == ["nobody thought of this"]
