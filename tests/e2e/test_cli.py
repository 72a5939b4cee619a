from __future__ import annotations

import signal
import socket
import stat
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING

import httpx
import pytest

from tests.e2e.commands import COMMAND, PATIENCE, Running, accepts, free_port, running, until

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

OPEN = "{version: 1, name: open, default: {action: allow}, unsafe_destinations: [127.0.0.0/8]}"
CLOSED = (
    "{version: 1, name: closed, default: {action: allow}, unsafe_destinations: [127.0.0.0/8], "
    "rules: [{id: closed, action: deny, reason: Closed, when: {path: {prefix: [/healthz]}}}]}"
)


@dataclass(frozen=True, slots=True)
class QuickStart:
    """The quick start as it runs, on ports of this test."""

    gateway: Running
    forward: int
    reverse: int
    app: int
    admin: int

    def through_gateway(self, method: str, path: str) -> httpx.Response:
        """Ask the application as its users do; the path goes out as it is written."""
        url = httpx.URL(f"http://127.0.0.1:{self.reverse}").copy_with(raw_path=path.encode())
        with httpx.Client(trust_env=False) as client:
            return client.request(method, url)


def _ask(url: str, proxy: int) -> httpx.Response:
    with httpx.Client(trust_env=False, proxy=f"http://127.0.0.1:{proxy}") as client:
        return client.get(url)


@pytest.fixture(scope="module")
def quick_start(tmp_path_factory: pytest.TempPathFactory) -> Iterator[QuickStart]:
    folder = tmp_path_factory.mktemp("quick-start")
    forward, reverse, app, admin = free_port(), free_port(), free_port(), free_port()
    arguments = ["--forward", f"127.0.0.1:{forward}", "--reverse", f"127.0.0.1:{reverse}", "--app", f"127.0.0.1:{app}"]
    arguments += ["--admin", f"127.0.0.1:{admin}"]
    with running("run", *arguments, cwd=folder) as gateway:
        yield QuickStart(gateway, forward, reverse, app, admin)
    assert gateway.process.returncode == 0
    assert not accepts(app)


def test_one_line_says_that_every_listener_accepts(quick_start: QuickStart) -> None:
    ready = quick_start.gateway.wait_for("ready", quick_start.gateway.err)

    wanted = f"forward 127.0.0.1:{quick_start.forward}, reverse 127.0.0.1:{quick_start.reverse}"
    wanted += f", admin 127.0.0.1:{quick_start.admin}"
    assert ready == f"wicketgate: ready: {wanted}\n"
    assert accepts(quick_start.forward)
    assert accepts(quick_start.reverse)


def test_the_application_is_open_and_tells_nothing_of_what_it_is_built_with(quick_start: QuickStart) -> None:
    direct = httpx.get(f"http://127.0.0.1:{quick_start.app}/items/1", trust_env=False)
    guarded = quick_start.through_gateway("GET", "/items/1")

    assert {"server", "x-powered-by"} <= set(direct.headers)
    assert not {"server", "x-powered-by"} & set(guarded.headers)
    assert guarded.headers["x-content-type-options"] == "nosniff"
    assert (guarded.status_code, guarded.json()) == (200, direct.json())


@pytest.mark.parametrize("path", ["/admin", "/admin/users", "/%61dmin/users", "/items/../admin", "//admin", "/admin/."])
def test_the_administration_is_closed_however_it_is_spelt(path: str, quick_start: QuickStart) -> None:
    refused = quick_start.through_gateway("GET", path)

    assert refused.status_code in {400, 403}
    assert refused.headers["wicketgate-decision"] == refused.json()["decision"]
    assert refused.json()["reason"] in {"rule-deny", "not-canonical"}
    assert "alice" not in refused.text


def test_the_rule_that_refused_is_named(quick_start: QuickStart) -> None:
    refused = quick_start.through_gateway("GET", "/admin/users").json()

    assert (refused["status"], refused["reason"], refused["rule"]) == (403, "rule-deny", "no-admin")


def test_guessing_passwords_ends_with_the_sixth_try(quick_start: QuickStart) -> None:
    answers = [quick_start.through_gateway("POST", "/login") for _ in range(6)]

    assert [answer.status_code for answer in answers] == [200] * 5 + [429]
    assert int(answers[-1].headers["retry-after"]) > 0
    assert (answers[-1].json()["reason"], answers[-1].json()["rule"]) == ("rate-exceeded", "login-guessing")


@pytest.mark.parametrize(
    "spelling", ["127.0.0.1", "127.1", "2130706433", "0x7f.0.0.1", "[::ffff:127.0.0.1]", "localhost"]
)
def test_the_proxy_is_no_way_into_the_machine_it_runs_on(spelling: str, quick_start: QuickStart) -> None:
    for port in (quick_start.app, quick_start.reverse, quick_start.forward):
        with socket.create_connection(("127.0.0.1", quick_start.forward), timeout=PATIENCE) as client:
            authority = f"{spelling}:{port}"
            client.sendall(
                f"GET http://{authority}/ HTTP/1.1\r\nHost: {authority}\r\nConnection: close\r\n\r\n".encode()
            )
            answer = b"".join(iter(lambda: client.recv(65536), b"")).decode()

        assert answer.startswith("HTTP/1.1 403 ")
        assert '"rule": "builtin-special"' in answer


def test_every_decision_is_a_line_on_the_terminal(quick_start: QuickStart) -> None:
    quick_start.through_gateway("GET", "/admin/shown")

    line = quick_start.gateway.wait_for("/admin/shown", quick_start.gateway.out)
    assert "deny" in line
    assert "no-admin" in line


def test_a_proxy_of_ones_own_is_one_command(tmp_path: Path, quick_start: QuickStart) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN, encoding="utf-8")
    port = free_port()

    with running(
        "forward", "--listen", f"127.0.0.1:{port}", "--policy", "mine.yaml", "--watch", cwd=tmp_path
    ) as gateway:
        answer = _ask(f"http://127.0.0.1:{quick_start.app}/items/3", port)
        gateway.wait_for("/items/3", gateway.out)

    assert (answer.status_code, answer.json()["name"]) == (200, "a bunch of keys")
    assert gateway.process.returncode == 0
    assert not accepts(port)


def test_a_gateway_of_ones_own_is_one_command(tmp_path: Path, quick_start: QuickStart) -> None:
    port = free_port()

    with running("reverse", f"http://127.0.0.1:{quick_start.app}", "--listen", f"127.0.0.1:{port}", cwd=tmp_path):
        statuses = [
            httpx.get(f"http://127.0.0.1:{port}{path}", trust_env=False).status_code for path in ("/", "/admin")
        ]

    assert statuses == [200, 403]


def test_a_configuration_runs_all_of_its_listeners(tmp_path: Path, quick_start: QuickStart) -> None:
    out, back = free_port(), free_port()
    (tmp_path / "open.yaml").write_text(OPEN, encoding="utf-8")
    (tmp_path / "wicketgate.yaml").write_text(
        f"version: 1\nlisteners:\n"
        f"  - {{name: out, mode: forward, bind: 127.0.0.1:{out}, policy: open.yaml}}\n"
        f"  - {{name: back, mode: reverse, bind: 127.0.0.1:{back}, policy: open.yaml, routes: [{{upstream: app}}]}}\n"
        f"upstreams: {{app: {{servers: [{{url: 'http://127.0.0.1:{quick_start.app}'}}]}}}}\n",
        encoding="utf-8",
    )

    with running("run", "--config", "wicketgate.yaml", cwd=tmp_path):
        direct = httpx.get(f"http://127.0.0.1:{back}/healthz", trust_env=False)
        proxied = _ask(f"http://127.0.0.1:{quick_start.app}/healthz", out)

    assert [direct.status_code, proxied.status_code] == [200, 200]


def test_a_policy_is_read_again_when_told_and_a_bad_one_never_replaces_it(
    tmp_path: Path, quick_start: QuickStart
) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text(OPEN, encoding="utf-8")
    port, url = free_port(), f"http://127.0.0.1:{quick_start.app}/healthz"

    with running("forward", "--listen", f"127.0.0.1:{port}", "--policy", str(policy), cwd=tmp_path) as gateway:
        assert _ask(url, port).status_code == 200

        policy.write_text(CLOSED, encoding="utf-8")
        gateway.tell(signal.SIGHUP)
        until(lambda: _ask(url, port).status_code == 403, "the new policy never came into force")

        policy.write_text(OPEN.replace("allow", "alow"), encoding="utf-8")
        gateway.tell(signal.SIGHUP)
        gateway.wait_for("did you mean `allow`?", gateway.err)
        assert _ask(url, port).status_code == 403


def test_a_start_that_cannot_succeed_says_everything_at_once_and_leaves_nothing_behind(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("{version: 1, defualt: {action: allow}}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"
        command = [COMMAND, "forward", "--listen", listen, "--policy", "mine.yaml"]

        run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 2
    assert f"listener `forward`: {listen} is taken by another process, choose another with `--listen`" in run.stderr
    assert "mine.yaml:1:14  unknown key `defualt`, did you mean `default`?" in run.stderr
    assert "Traceback" not in run.stderr


def test_a_policy_that_cannot_be_enforced_ends_the_start_with_its_place(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text("{version: 1, defualt: {action: allow}}", encoding="utf-8")
    command = [COMMAND, "forward", "--listen", f"127.0.0.1:{free_port()}", "--policy", "mine.yaml"]

    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 2
    assert "mine.yaml:1:14  unknown key `defualt`, did you mean `default`?" in run.stderr
    assert "Traceback" not in run.stderr


def test_two_gateways_never_share_a_state_folder(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN, encoding="utf-8")
    common = ["forward", "--policy", "mine.yaml", "--state", "same", "--listen"]
    first, second = ([*common, f"127.0.0.1:{free_port()}"] for _ in range(2))

    with running(*first, cwd=tmp_path):
        run = subprocess.run(
            [COMMAND, *second], cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PATIENCE
        )

    assert run.returncode == 2
    assert "same/audit" in run.stderr
    assert "Traceback" not in run.stderr


def test_the_authority_can_be_exported_and_its_key_is_for_nobody_else(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN, encoding="utf-8")
    with running("forward", "--listen", f"127.0.0.1:{free_port()}", "--policy", "mine.yaml", cwd=tmp_path):
        pass

    exported = subprocess.run([COMMAND, "ca", "export"], cwd=tmp_path, check=True, capture_output=True, text=True)
    assert exported.stdout.startswith("-----BEGIN CERTIFICATE-----")

    state = tmp_path / ".wicketgate"
    secret = [path for path in (state / "ca").iterdir() if "PRIVATE" in path.read_text("utf-8")]
    assert secret
    assert [stat.filemode(path.stat().st_mode) for path in secret] == ["-rw-------"] * len(secret)
    assert stat.filemode(state.stat().st_mode) == "drwx------"


def test_a_second_interrupt_ends_at_once_without_a_traceback(tmp_path: Path) -> None:
    (tmp_path / "mine.yaml").write_text(OPEN, encoding="utf-8")
    port = free_port()
    with (
        running("forward", "--listen", f"127.0.0.1:{port}", "--policy", "mine.yaml", cwd=tmp_path) as gateway,
        socket.create_connection(("127.0.0.1", port)) as busy,
    ):
        busy.sendall(b"GET http://127.0.0.1/ HTTP/1.1\r\n")
        gateway.tell(signal.SIGINT)
        until(lambda: not accepts(port) or gateway.process.poll() is not None, "it goes on accepting")
        if gateway.process.poll() is None:
            gateway.tell(signal.SIGINT)
        code = gateway.process.wait(PATIENCE)

    assert code in {0, 130}
    assert "Traceback" not in "".join(gateway.err)
