"""The audit trail of a gateway that lives: one decision and one end for everything, whatever became of it.

Every gateway of these tests has its log checked when it ends (`tests.e2e.trail`); here are the cases made for it.
"""

from __future__ import annotations

import resource
import signal
import socket
import subprocess
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

import pytest

from gateway.audit.reading.reader import Damage, records
from tests.e2e.commands import COMMAND, PATIENCE, running, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.trail import check_exchanges, read_log
from tests.e2e.wire import Wire, get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = """
version: 1
name: trail
default: {action: allow}
unsafe_destinations: [127.0.0.0/8]
guardrails:
  - {id: known-clients, reason: Not from there, when: {client.ip: {in: [127.0.0.64/26]}}}
rules:
  - {id: closed, action: deny, reason: Closed, when: {path: {prefix: [/closed]}}}
"""
NAMES: Final = {".open.example": ["127.0.0.1"], "nowhere.example": []}


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture
def proxy(tmp_path: Path) -> Iterator[Gateway]:
    with gateway(tmp_path, forward=POLICY, names=NAMES) as running:
        yield running


def _ask(origin: RecordingOrigin, path: str, *fields: str, host: str = "a.open.example") -> bytes:
    authority = f"{host}:{origin.port}"
    return get(f"http://{authority}{path}", authority, *fields)


def test_a_client_that_may_not_even_connect_is_on_record(proxy: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    refused = socket.create_connection(("127.0.0.1", proxy.forward), PATIENCE, source_address=("127.0.0.77", 0))
    with Wire(refused) as wire:
        port = refused.getsockname()[1]
        assert wire.ended

    record = proxy.wait_for(lambda each: each["event"] == "decision")
    assert (record["client"]["ip"], record["client"]["port"]) == ("127.0.0.77", port)
    decision = record["decision"]
    assert (decision["verdict"], decision["reason"], decision["rule"]) == ("deny", "guardrail", "known-clients")
    assert proxy.record(record["id"], "end")["bytes"] == {"up": 0, "down": 0}
    assert origin.visits == []


def test_every_exchange_leaves_two_records_and_nothing_else_does(proxy: Gateway, origin: RecordingOrigin) -> None:
    shapes: list[tuple[int, bytes]] = [
        (200, _ask(origin, "/")),
        (403, _ask(origin, "/closed")),
        (403, get("http://10.0.0.1/", "10.0.0.1")),
        (400, get("/", "a.open.example")),
        (400, b"nonsense\r\n\r\n"),
        (502, get("http://nowhere.example/", "nowhere.example")),
        (403, get("a.open.example:25", "a.open.example:25", method="CONNECT")),
        (200, _ask(origin, "/", "Content-Length: 3") + b"abc"),
    ]

    def ask(number: int) -> int:
        status, request = shapes[number % len(shapes)]
        with proxy.through() as wire:
            assert wire.ask(request).status == status
        return status

    with ThreadPoolExecutor(8) as pool:
        statuses = Counter(pool.map(ask, range(400)))

    until(lambda: _count(proxy, "end") >= 400, "not every end was recorded")
    assert (_count(proxy, "decision"), _count(proxy, "end")) == (400, 400)
    ended = Counter(each["status"] for each in proxy.records() if each["event"] == "end")
    assert ended == statuses


def _count(proxy: Gateway, event: str) -> int:
    return sum(each["event"] == event for each in proxy.records())


def _leave_at_once(_wire: Wire) -> None:
    pass


def _leave_in_the_head(wire: Wire) -> None:
    wire.send(b"GET http://a.open.example/ HTTP/1.1\r\nHo")


def _leave_in_the_body(wire: Wire) -> None:
    wire.send(b"PUT http://a.open.example/ HTTP/1.1\r\nHost: a.open.example\r\nContent-Length: 1000\r\n\r\nabc")


def _leave_in_a_tunnel(wire: Wire) -> None:
    wire.send(get("a.open.example:443", "a.open.example:443", method="CONNECT"))
    assert wire.interim() == 200


@pytest.mark.parametrize("leave", [_leave_at_once, _leave_in_the_head, _leave_in_the_body, _leave_in_a_tunnel])
def test_a_client_that_leaves_early_leaves_no_half_of_a_story(
    leave: Callable[[Wire], None], proxy: Gateway, origin: RecordingOrigin
) -> None:
    for reset in (False, True):
        with proxy.through() as wire:
            leave(wire)
            if reset:
                wire.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\x01\0\0\0\0\0\0\0")
    with proxy.through() as wire:
        assert wire.ask(_ask(origin, "/after")).status == 200

    until(lambda: _count(proxy, "decision") == _count(proxy, "end"), "a decision without its end")


def test_nothing_that_is_secret_is_written_down(proxy: Gateway, origin: RecordingOrigin) -> None:
    secret = "canary-7f3a9"
    fields = (f"Authorization: Bearer {secret}", f"Cookie: s={secret}", f"X-Api-Key: {secret}")
    asked = [
        _ask(origin, f"/?password={secret}&token={secret}", *fields),
        _ask(origin, f"/closed?password={secret}", *fields, f"Proxy-Authorization: Basic {secret}"),
        get(f"http://user:{secret}@a.open.example/", "a.open.example"),
        _ask(origin, "/", f"X-{secret}\x01: a"),
        _ask(origin, "/", f"Content-Length: {len(secret)}") + secret.encode(),
    ]
    for each in asked:
        with proxy.through() as wire:
            wire.ask(each)

    until(lambda: _count(proxy, "end") == len(asked), "not every end was recorded")
    assert secret not in str(proxy.records())
    assert secret not in "".join(proxy.process.err)


def test_what_cannot_be_written_down_is_not_let_through(tmp_path: Path, origin: RecordingOrigin) -> None:
    with gateway(tmp_path, forward=POLICY, names=NAMES, whole=False) as proxy:
        pid = proxy.process.process.pid
        with proxy.through() as wire:
            assert wire.ask(_ask(origin, "/")).status == 200

        usual = resource.prlimit(pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
        until(lambda: _status(proxy, origin) == 503, "the gateway went on without its log")
        origin.forget()
        for path in ("/", "/closed") * 10:
            with proxy.through() as wire:
                answer = wire.ask(_ask(origin, path))
            assert (answer.status, answer.problem["reason"]) in {(503, "audit-unavailable"), (403, "rule-deny")}
            assert answer.status != 403 or path == "/closed"
        assert origin.received == b""

        resource.prlimit(pid, resource.RLIMIT_FSIZE, usual)
        until(lambda: _status(proxy, origin) == 200, "the gateway never went on")

    damage: list[Damage] = []
    read = list(records(proxy.state / "audit", on_damage=damage.append))
    assert [each["seq"] for each in read] == list(range(1, len(read) + 1))
    gaps = [each for each in read if each["event"] == "gap" and each["reason"] == "write-failed"]
    assert gaps
    assert any(each["refused"] != 0 for each in gaps)


def _status(proxy: Gateway, origin: RecordingOrigin) -> int:
    with proxy.through() as wire:
        return wire.ask(_ask(origin, "/")).status


def test_a_sudden_death_loses_no_number_and_leaves_no_broken_line(tmp_path: Path, origin: RecordingOrigin) -> None:
    with gateway(tmp_path, forward=POLICY, names=NAMES) as first:
        assert _status(first, origin) == 200
    arguments = ("run", "--config", str(tmp_path / "wicketgate.yaml"))
    with running(*arguments, cwd=tmp_path) as second:
        for _ in range(20):
            assert _status(Gateway(second, tmp_path, first.forward, 0), origin) == 200
        second.tell(signal.SIGKILL)
        second.process.wait(PATIENCE)
    with running(*arguments, cwd=tmp_path) as third:
        assert _status(Gateway(third, tmp_path, first.forward, 0), origin) == 200

    read = read_log(first.state / "audit")
    assert [each["seq"] for each in read] == list(range(1, len(read) + 1))
    assert Counter(each["event"] for each in read)["start"] == 3
    last = max(at for at, each in enumerate(read) if each["event"] == "start")
    check_exchanges(read[last:])


def test_a_gateway_whose_log_cannot_be_opened_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "state").mkdir(mode=0o700)
    (tmp_path / "state" / "audit").write_text("in the way", encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(POLICY, encoding="utf-8")
    command = [COMMAND, "forward", "--policy", "mine.yaml", "--state", "state", "--listen", "127.0.0.1:0"]

    run = subprocess.run(command, cwd=tmp_path, check=False, capture_output=True, text=True, timeout=PATIENCE)

    assert run.returncode == 2
    assert "audit" in run.stderr
    assert "Traceback" not in run.stderr
