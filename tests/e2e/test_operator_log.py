"""What a gateway that really runs tells its operator: in one form, without secrets, whether anybody reads it or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.admin.brief import Brief
from gateway.cli.outcome import WRONG_USAGE
from tests.e2e.commands import COMMAND, PATIENCE, accepts, free_port, until
from tests.e2e.gateway import gateway
from tests.e2e.wire import Closed, connect, get
from tests.unit.logs.test_stream import fill

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

FORWARD: Final = """
version: 1
name: office
default: {action: allow}
rules: [{id: closed, action: deny, reason: Closed, when: {host: {is: [x.example]}}}]
"""


def refuses(port: int) -> bool:
    """Whether a gateway is there and refuses a request with a secret in it."""
    try:
        with connect(port) as wire:
            return wire.ask(get("http://x.example/?token=s3cr3t-Can4ry", "x.example")).status == 403
    except (OSError, Closed):
        return False


@contextmanager
def started(folder: Path, *arguments: str, stderr: int) -> Iterator[subprocess.Popen[str]]:
    """A gateway that is ended with this block, whatever happens in it."""
    with subprocess.Popen([COMMAND, *arguments], cwd=folder, stderr=stderr, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def lines(err: list[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in err]


def test_unless_told_otherwise_it_is_quiet_and_speaks_to_people(tmp_path: Path) -> None:
    with gateway(tmp_path, forward=FORWARD) as plain:
        pass

    assert plain.process.err == [f"wicketgate: ready: forward 127.0.0.1:{plain.forward}\n"]


@pytest.mark.parametrize("place", ["option", "file"])
def test_the_form_is_chosen_in_the_configuration_or_on_the_command_line(place: str, tmp_path: Path) -> None:
    port = free_port()
    listener = f"{{name: egress, mode: forward, bind: 127.0.0.1:{port}, policy: p.yaml}}"
    log = "{level: debug, format: json}" if place == "file" else "{}"
    (tmp_path / "p.yaml").write_text(FORWARD, "utf-8")
    (tmp_path / "w.yaml").write_text(f"version: 1\nstate: s\nlisteners: [{listener}]\nlog: {log}\n", "utf-8")
    chosen = ["--log-format", "json", "--log-level", "debug"] if place == "option" else []
    with started(tmp_path, "run", "--config", "w.yaml", *chosen, stderr=subprocess.PIPE) as process:
        until(lambda: refuses(port), "it never listened")
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)

    said = lines(err.splitlines())
    assert process.returncode == 0
    assert f"ready: forward 127.0.0.1:{port}" in [line["sentence"] for line in said if line["part"] == "wicketgate"]
    assert {"time", "level", "part", "sentence"} <= set.intersection(*(set(line) for line in said))
    assert "Can4ry" not in err


@pytest.mark.parametrize("gone", ["full", "closed"])
def test_a_standard_error_that_nobody_reads_stops_nothing(gone: str, tmp_path: Path) -> None:
    port, (read, write) = free_port(), os.pipe()
    (tmp_path / "p.yaml").write_text(FORWARD, "utf-8")
    if gone == "full":
        fill(write)
        os.set_blocking(write, True)
    command = ("forward", "--listen", f"127.0.0.1:{port}", "--policy", "p.yaml", "--log-level", "debug")
    with started(tmp_path, *command, stderr=write) as process:
        os.close(write)
        if gone == "closed":
            os.close(read)
        until(lambda: refuses(port), "it never listened")
        process.send_signal(signal.SIGHUP)
        assert all(refuses(port) for _ in range(20))
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
    if gone == "full":
        os.close(read)


def test_what_is_said_before_a_start_and_by_the_admin_side_has_the_same_form(tmp_path: Path) -> None:
    ports = {name: f"127.0.0.1:{free_port()}" for name in ("forward", "reverse", "app", "admin")}
    (tmp_path / "wicketgate.yaml").write_text("", "utf-8")
    given = [word for name, at in ports.items() for word in (f"--{name}", at)]
    with started(tmp_path, "run", *given, "--log-format", "json", stderr=subprocess.PIPE) as process:
        until(lambda: accepts(int(ports["admin"].rpartition(":")[2])), "it never listened")
        second = subprocess.run(
            [COMMAND, "run", *given, "--log-format", "json"],
            cwd=tmp_path,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
            timeout=PATIENCE,
        )  # fmt: skip - one argument a line would say no more
        process.send_signal(signal.SIGTERM)
        _, err = process.communicate(timeout=PATIENCE)

    said = [line["sentence"] for line in lines(err.splitlines())]
    assert said[0].startswith("this is the quick start; ")
    assert f"the application to protect listens on {ports['app']}" in said
    refused = lines(second.stderr.splitlines())
    assert second.returncode == WRONG_USAGE
    assert {line["level"] for line in refused} == {"info", "error"}
    assert any("is taken by another process" in line["sentence"] for line in refused)


def test_the_admin_side_that_cannot_go_on_says_so_in_one_line_without_a_traceback(tmp_path: Path) -> None:
    brief = Brief(socket=0, state=str(tmp_path), version="1", log_format="json")
    ended = subprocess.run(
        [sys.executable, "-P", "-m", "gateway.admin", str(brief)],
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        check=False,
        text=True,
        timeout=PATIENCE,
    )  # fmt: skip - one argument a line would say no more

    (said,) = lines(ended.stderr.splitlines())
    assert ended.returncode == 1
    assert (said["level"], said["part"], said["sentence"]) == ("error", "admin", "the admin side failed")
