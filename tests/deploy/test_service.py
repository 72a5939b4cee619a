"""The unit of systemd: what its own tools say of it, and a gateway that does its work with what is left to it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from typing import TYPE_CHECKING, Final

import pytest

from gateway.control.service_manager import SOCKET
from tests.deploy.confined import forbidden, settings_of
from tests.e2e.commands import COMMAND, PATIENCE
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, RecordingOrigin, make_authority
from tests.e2e.wire import get
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from pathlib import Path

UNIT: Final = ROOT / "deploy" / "systemd" / "wicketgate.service"
INSTALLED: Final = "/opt/wicketgate/bin/wicketgate"
EXPOSED_AT_MOST: Final = 15
"""In tenths: `systemd-analyze security` counts from 0 (sealed) to 10 (bare)."""
CONFINED: Final = (sys.executable, "-m", "tests.deploy.confined", str(UNIT))
FORWARD: Final = """
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.2/32]
connect_ports: [443, {port}]
rules: [{{id: no-secrets, action: deny, reason: Not for you, when: {{path: {{prefix: [/secret]}}}}}}]
tls: {{inspect: all}}
"""
REVERSE: Final = """
version: 1
name: shop
default: {action: allow}
rules: [{id: no-admin, action: deny, reason: Not for you, when: {path: {prefix: [/admin]}}}]
limits: [{id: per-client, key: [client.ip], rate: 600/min, burst: 100}]
"""


def _analyze(*arguments: str | Path) -> tuple[int, str]:
    command = ["systemd-analyze", *map(str, arguments)]
    run = subprocess.run(command, check=False, capture_output=True, text=True, timeout=PATIENCE)
    return run.returncode, run.stdout + run.stderr


def test_systemd_finds_nothing_wrong_with_the_unit(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace(INSTALLED, COMMAND), encoding="utf-8")

    assert _analyze("verify", "--man=no", unit) == (0, "")


def test_systemd_finds_a_wrong_unit_wrong(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text("utf-8").replace("NoNewPrivileges=yes", "NoNewPrivilege=yes"), encoding="utf-8")

    assert "NoNewPrivilege" in _analyze("verify", "--man=no", unit)[1]


def test_the_service_is_hardly_exposed() -> None:
    code, said = _analyze("security", "--offline=true", "--no-pager", f"--threshold={EXPOSED_AT_MOST}", UNIT)

    assert code == 0, said
    assert _analyze("security", "--offline=true", "--no-pager", "--threshold=5", UNIT)[0] != 0


def test_the_user_of_the_service_can_be_made(tmp_path: Path) -> None:
    (tmp_path / "etc").mkdir()
    made = subprocess.run(
        ["systemd-sysusers", f"--root={tmp_path}", str(UNIT.with_suffix(".sysusers"))],
        check=False,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )

    assert made.returncode == 0, made.stderr
    assert "wicketgate:" in (tmp_path / "etc" / "passwd").read_text("utf-8")
    assert settings_of(UNIT)["User"] == ["wicketgate"]


def test_the_filter_keeps_from_the_service_what_administers_a_machine() -> None:
    kept = forbidden(settings_of(UNIT)["SystemCallFilter"])

    assert {"mount", "ptrace", "chroot", "bpf", "init_module", "reboot", "setuid", "swapon"} <= kept
    assert kept & {"openat", "socket", "futex", "fdatasync", "mmap", "clone3", "epoll_wait"} == set()


def test_what_confines_the_tests_does_confine() -> None:
    tried = (
        "import os, socket\n"
        "for act in (lambda: socket.socket(socket.AF_NETLINK), lambda: os.chroot('/')):\n"
        "    try:\n        act()\n    except OSError as error:\n        print(error.errno)\n"
    )
    run = subprocess.run([*CONFINED, sys.executable, "-c", tried], check=True, capture_output=True, text=True, cwd=ROOT)

    assert run.stdout.split() == ["1", "1"]


@pytest.mark.e2e
def test_a_confined_gateway_inspects_caches_limits_refuses_reloads_and_proves(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "authority.pem")
    with (
        RecordingOrigin(host="127.0.0.2", tls=authority.context("tls.example")) as secret,
        RecordingOrigin() as app,
        gateway(
            tmp_path,
            forward=FORWARD.format(port=secret.port),
            reverse=REVERSE,
            upstreams=[f"http://127.0.0.1:{app.port}"],
            names={"tls.example": ["127.0.0.2"]},
            settings={"upstream_tls": {"trust": ["authority.pem"]}},
            command=CONFINED,
            environment={"PYTHONPATH": str(ROOT)},
        ) as running,
    ):
        with running.front() as wire:
            served = wire.ask(get("/", "shop.example"))
        denied = running.refusal(get("/admin", "shop.example"), reverse=True)
        inspected = _curl(running, tmp_path, f"https://tls.example:{secret.port}/")
        refused = _curl(running, tmp_path, f"https://tls.example:{secret.port}/secret")
        reloaded = subprocess.run(
            [COMMAND, "cache", "stats", "--state", str(running.state), "--format", "json"],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
    verified = subprocess.run([COMMAND, "audit", "verify", str(running.state / "audit")], check=False, timeout=PATIENCE)

    assert served.status == 200
    assert denied == (403, "rule-deny", "no-admin")
    assert inspected.endswith(BODY.decode())
    assert '"rule-deny"' in refused
    assert json.loads(reloaded.stdout) == {"caches": []}
    assert verified.returncode == 0


def _curl(running: Gateway, folder: Path, url: str) -> str:
    trusted = folder / "trusted.pem"
    if not trusted.exists():
        export = [COMMAND, "ca", "export", "--state", str(running.state), "--output", str(trusted)]
        subprocess.run(export, check=True, timeout=PATIENCE)
    asked = ["curl", "-qs", "-x", f"http://127.0.0.1:{running.forward}", "--cacert", str(trusted), url]
    return subprocess.run(asked, check=True, capture_output=True, text=True, timeout=PATIENCE).stdout


@pytest.mark.e2e
def test_the_manager_is_told_of_the_beginning_and_of_the_end(tmp_path: Path) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(f"{tmp_path}/notify")
        manager.settimeout(PATIENCE)
        with gateway(
            tmp_path, reverse=REVERSE, upstreams=["http://127.0.0.1:9"], environment={SOCKET: f"{tmp_path}/notify"}
        ):
            ready = manager.recv(100)
        ended = manager.recv(100)

    assert (ready, ended) == (b"READY=1", b"STOPPING=1")
