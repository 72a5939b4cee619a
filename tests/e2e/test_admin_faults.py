"""What goes wrong around the admin side: what cannot start says so with all else, what breaks later breaks alone."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.commands import COMMAND, free_port, until
from tests.e2e.looked_after import looked_after

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.looked_after import LookedAfter

pytestmark = pytest.mark.e2e


def configured(
    folder: Path, *, upstream: str = "http://127.0.0.1:1", bind: str = "127.0.0.1:8090", more: str = ""
) -> subprocess.CompletedProcess[str]:
    """What `run` says of a configuration that cannot be run."""
    (folder / "p.yaml").write_text("version: 1\nname: p\ndefault: {action: allow}\n", encoding="utf-8")
    (folder / "w.yaml").write_text(
        f"version: 1\nstate: state\nlisteners:\n  - {{name: shop, mode: reverse, bind: 127.0.0.1:{free_port()}, "
        f"policy: p.yaml, routes: [{{upstream: app}}]}}\nupstreams: {{app: {{servers: [{{url: '{upstream}'}}]}}}}\n"
        f"admin: {{bind: '{bind}'{more}}}\n",
        encoding="utf-8",
    )
    command = [COMMAND, "run", "--config", str(folder / "w.yaml")]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60, cwd=folder)


def test_a_port_that_is_taken_is_told_with_everything_else(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        (tmp_path / "state").mkdir(mode=0o700)
        (tmp_path / "state" / "admin-token").write_text("short", encoding="ascii")
        told = configured(tmp_path, bind=f"127.0.0.1:{port}")

    assert told.returncode == 2
    assert f"127.0.0.1:{port} is taken by another process, choose another with `admin.bind`" in told.stderr
    assert "admin-token` can be read by others" in told.stderr


@pytest.mark.parametrize(
    ("said", "content", "mode"),
    [
        ("can be read by others, `chmod 600` it", "x" * 43, 0o644),
        ("holds no token", "short", 0o600),
        ("holds no token", "with a blank " * 4, 0o600),
    ],
)
def test_a_token_that_is_none_ends_the_start(said: str, content: str, mode: int, tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "admin-token").write_text(content, encoding="ascii")
    (tmp_path / "state" / "admin-token").chmod(mode)

    told = configured(tmp_path, bind=f"127.0.0.1:{free_port()}")

    assert (told.returncode, said in told.stderr) == (2, True), told.stderr
    assert content not in told.stderr or content == "short"


@pytest.mark.parametrize(
    ("said", "bind", "more"),
    [
        ("can be reached from other machines", "0.0.0.0:8090", ""),
        ("can be reached from other machines", "192.0.2.1:8090", ", unsafe_without_tls: false"),
        ("there is nothing to accept here", "127.0.0.1:8090", ", unsafe_without_tls: true"),
        ("name the port", "127.0.0.1:0", ""),
        ("unknown key `tokn`", "127.0.0.1:8090", ", tokn: x"),
        (
            "none.pem:1:1  the file cannot be read: no such file",
            "127.0.0.1:8090",
            ", tls: {certificate: none.pem, key: none.key}",
        ),
    ],
)
def test_a_section_that_would_surprise_is_refused(said: str, bind: str, more: str, tmp_path: Path) -> None:
    told = configured(tmp_path, bind=bind, more=more)

    assert (told.returncode, said in told.stderr) == (2, True), told.stderr


def test_without_an_engine_it_lives_on_says_so_and_ends_with_its_leash(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side:
        control = side.gateway.state / "control.sock"
        hidden = control.rename(control.with_name("hidden.sock"))
        with side.client() as client:
            until(lambda: client.get("/readyz").status_code == 503, "it goes on to say that it is ready")
            ready, status, log = (client.get(each) for each in ("/readyz", "/api/v1/status", "/api/v1/decisions"))
        hidden.rename(control)

        assert ready.json() == {"status": "the gateway does not answer"}
        assert (status.status_code, status.headers["content-type"]) == (503, "application/problem+json")
        assert log.status_code == 200
        with side.client() as client:
            until(lambda: client.get("/readyz").status_code == 200, "it never came back")


def test_an_engine_that_is_killed_takes_it_along(tmp_path: Path) -> None:
    folder = tmp_path / "killed"
    folder.mkdir()
    codes = []
    with pytest.raises(AssertionError, match="ready: "), looked_after(folder) as side:  # noqa: PT012 - the block is what runs
        found = subprocess.run(
            ["ps", "--ppid", str(side.gateway.process.process.pid), "-o", "pid="],
            check=False,
            capture_output=True,
            text=True,
        )
        (child,) = map(int, found.stdout.split())
        os.kill(side.gateway.process.process.pid, signal.SIGKILL)
        side.gateway.process.process.wait()
        until(lambda: not _lives(child), "the admin side outlived its gateway")
        codes.append(side.gateway.process.process.returncode)

    assert codes == [-signal.SIGKILL]  # the harness complains of a gateway that did not end well, and of nothing else


def _lives(process: int) -> bool:
    try:
        with open(f"/proc/{process}/stat", encoding="ascii") as file:  # noqa: PTH123 - a file of the system
            return json.dumps(file.read().split()[2]) != '"Z"'
    except OSError:
        return False


def test_whoever_opens_connections_and_asks_nothing_keeps_nobody_out_for_long(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side, ExitStack() as idle:
        for _ in range(130):
            wire = idle.enter_context(socket.create_connection(("127.0.0.1", side.admin)))
            wire.sendall(b"GET /healthz HTTP/1.1\r\nHost: ")
        until(lambda: _is_answered(side), "its operator never got in")


def _is_answered(side: LookedAfter) -> bool:
    with suppress(httpx.HTTPError):
        return httpx.get(f"{side.url}/healthz", trust_env=False, timeout=2).status_code == 200
    return False
