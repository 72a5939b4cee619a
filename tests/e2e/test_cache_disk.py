"""What is kept over restarts and kills, and what a command drops of it; as the installed command runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.cached import HOST, SMALL, shop
from tests.e2e.commands import COMMAND, free_port, running, until
from tests.e2e.gateway import gateway
from tests.e2e.origin import origin
from tests.e2e.wire import connect

if TYPE_CHECKING:
    from pathlib import Path

    from tests.e2e.gateway import Gateway
    from tests.e2e.wire import Answer

pytestmark = pytest.mark.e2e

DISK: Final = 64 * SMALL
OPEN: Final = "version: 1\nname: open\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"
SECRET: Final = (
    b"HTTP/1.1 200 OK\r\nCache-Control: public, max-age=60\r\nSet-Cookie: who=alice\r\nContent-Length: 4\r\n\r\nmine"
)


def files(folder: Path) -> list[Path]:
    """The files of answers in a state folder."""
    return [each for each in (folder / "state" / "cache").rglob("*") if each.is_file() and each.name != "lock"]


def test_after_a_restart_what_is_kept_is_given_and_nothing_is_asked(tmp_path: Path) -> None:
    with shop(tmp_path, disk=DISK) as front:
        first = front.ask("/x")
    with shop(tmp_path, disk=DISK) as again:
        second = again.ask("/x")

    assert (first.body, second.body) == (b"kept", b"kept")
    assert (second.get("cache-status") or "").startswith("gateway; hit; ttl=")
    assert again.requests == []


def test_what_left_the_memory_is_given_from_the_disk(tmp_path: Path) -> None:
    body = b"x" * 10_000
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    with shop(tmp_path, lambda _request: answer, size=SMALL, disk=DISK) as front:
        for number in range(12):
            front.ask(f"/{number}")
        again = [front.ask(f"/{number}") for number in range(12)]
        caches = front.gateway.engine.caches
        size = caches.size

    assert [each.body for each in again] == [body] * 12
    assert len(front.requests) == 12
    assert size <= SMALL


def test_a_damaged_file_is_fetched_anew_and_the_operator_is_told(tmp_path: Path) -> None:
    with shop(tmp_path, disk=DISK) as front:
        front.ask("/x")
    damaged = files(tmp_path)[0]
    damaged.write_bytes(damaged.read_bytes()[:-1] + b"!")
    with shop(tmp_path, disk=DISK) as again:
        answer = again.ask("/x")

    assert (answer.body, len(again.requests)) == (b"kept", 1)
    assert "uri-miss" in (answer.get("cache-status") or "") or "vary-miss" in (answer.get("cache-status") or "")


def test_a_change_outdates_what_is_on_disk_too(tmp_path: Path) -> None:
    with shop(tmp_path, disk=DISK) as front:
        front.ask("/x")
        front.ask("/x", "Content-Length: 0", method="POST")
        left = files(tmp_path)

    assert left == []


def test_cookies_and_credentials_never_reach_the_disk(tmp_path: Path) -> None:
    with shop(tmp_path, lambda _request: SECRET, disk=DISK) as front:
        front.ask("/x", "Authorization: Bearer hunter2", "Cookie: session=hunter3")
        front.answering = lambda _request: SECRET.replace(b"Set-Cookie: who=alice\r\n", b"")
        front.ask("/y", "Authorization: Bearer hunter2", "Cookie: session=hunter3")
        front.ask("/z", "X-Api-Key: hunter4")

    assert len(files(tmp_path)) == 1
    assert b"hunter" not in files(tmp_path)[0].read_bytes()


ROUTES: Final = ({"upstream": "app", "cache": {"enabled": True, "disk": {"size": "10MB"}}},)


def ask(port: int, target: str) -> Answer:
    with connect(port) as wire:
        return wire.ask(f"GET {target} HTTP/1.1\r\nHost: {HOST}\r\nConnection: close\r\n\r\n".encode())


def ordered(opened: Gateway, *argv: str) -> dict[str, Any]:
    """What came of an order to a running gateway, given by the installed command."""
    command = [COMMAND, "cache", *argv, "--state", str(opened.state), "--format", "json"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def test_a_gateway_that_was_killed_gives_what_it_kept_and_a_command_drops_it(tmp_path: Path) -> None:
    with origin() as behind:
        behind.answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 4\r\n\r\nkept"
        made: dict[str, Any] = {"reverse": OPEN, "upstreams": [f"http://127.0.0.1:{behind.port}"], "routes": ROUTES}
        with gateway(tmp_path, **made) as first:
            ask(first.reverse, "/a")
        with running("run", "--config", str(tmp_path / "wicketgate.yaml"), cwd=tmp_path) as killed:
            ask(first.reverse, "/b")
            until(lambda: len(files(tmp_path)) == 2, "it was never written")
            killed.tell(signal.SIGKILL)
            killed.process.wait(10)
        with gateway(tmp_path, whole=False, **made) as again:
            kept = [ask(again.reverse, each) for each in ("/a", "/b")]
            url = ordered(again, "purge", "--url", f"http://{HOST}/a")
            left = len(files(tmp_path))
            after = ask(again.reverse, "/a")
            everything = ordered(again, "purge", "--all")
            stock = ordered(again, "stats")
            records = [each for each in again.records() if each["event"] == "admin"]

    assert all("; hit; ttl=" in (each.get("cache-status") or "") for each in kept)
    assert "fwd=uri-miss" in (after.get("cache-status") or "")
    assert (url, left, everything) == ({"answers": 1}, 1, {"answers": 2})
    assert [(each["files"], each["disk"], each["memory"]) for each in stock["caches"]] == [(0, 0, 0)]
    assert [(each["order"], each["what"], each["count"]) for each in records] == [
        ("cache.purge", {"url": f"http://{HOST}/a"}, 1),
        ("cache.purge", {"all": ""}, 2),
    ]
    assert all(each["user"] == os.geteuid() for each in records)


def test_a_second_gateway_on_the_same_folder_does_not_start(tmp_path: Path) -> None:
    made: dict[str, Any] = {"reverse": OPEN, "upstreams": ["http://127.0.0.1:1"]}
    route = {"upstream": "app", "cache": {"enabled": True, "disk": {"size": "10MB", "path": str(tmp_path / "kept")}}}
    one, other = tmp_path / "one", tmp_path / "other"
    for each in (one, other):
        each.mkdir()
    with gateway(one, **made, routes=[route]) as first:
        config = (one / "wicketgate.yaml").read_text(encoding="utf-8").replace(str(first.reverse), str(free_port()))
        (other / "reverse.yaml").write_text(OPEN, encoding="utf-8")
        (other / "wicketgate.yaml").write_text(config, encoding="utf-8")
        command = [COMMAND, "run", "--config", str(other / "wicketgate.yaml")]
        refused = subprocess.run(command, check=False, capture_output=True, text=True)

    assert refused.returncode == 2
    assert "is in use by another gateway, give this one a `path` of its own" in refused.stderr
