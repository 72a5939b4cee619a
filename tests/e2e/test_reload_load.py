"""Policies change two hundred times under load: nobody is failed, and everybody is judged by one that was in force."""

from __future__ import annotations

import signal
import threading
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import Origin, Visit, origin, read_head, status_of
from tests.e2e.wire import get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

RELOADS: Final = 200
CLIENTS: Final = 3
POLICY: Final = """\
version: 1
name: law-{number}
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [{port}]
rules:
  - {{id: raw, action: allow, reason: Agreed, when: {{protocol: [tcp], host: {{under: [raw.example]}}}}}}
  - {{id: no-{number}, action: deny, reason: Not now, when: {{host: {{is: [n{number}.example]}}}}}}
"""
HELLO: Final = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"


def _serve(connection: socket.socket, visit: Visit) -> None:
    """An answer to every request, an echo to everybody else."""
    while piece := connection.recv(65536):
        visit.data += piece
        connection.sendall(HELLO if piece.startswith(b"GET ") else piece)


@pytest.fixture(scope="module")
def behind() -> Iterator[Origin]:
    with origin(serve=_serve) as served:
        yield served


def _write(folder: Path, number: int, port: int) -> None:
    """Replace the policy in one go, as an editor does."""
    fresh = folder / ".forward.yaml.new"
    fresh.write_text(POLICY.format(number=number, port=port), encoding="utf-8")
    fresh.replace(folder / "forward.yaml")


def _tunnel(proxy: Gateway, port: int) -> socket.socket:
    connection = proxy.through().socket
    connection.sendall(f"CONNECT raw.example:{port} HTTP/1.1\r\nHost: raw.example:{port}\r\n\r\n".encode())
    assert status_of(read_head(connection)) == 200
    return connection


def _says(connection: socket.socket, text: bytes) -> bytes:
    connection.sendall(text)
    return connection.recv(65536)


def test_two_hundred_reloads_fail_nobody_and_mix_no_policies(tmp_path: Path, behind: Origin) -> None:
    statuses: list[int] = []
    over = threading.Event()
    watching = {"reload": {"watch": False}}
    first = POLICY.format(number=0, port=behind.port)
    with gateway(tmp_path, forward=first, names={".example": ["127.0.0.1"]}, settings=watching) as proxy:

        def ask_on() -> None:
            authority = f"shop.example:{behind.port}"
            with proxy.through() as wire:
                while not over.is_set():
                    statuses.append(wire.ask(get(f"http://{authority}/a", authority)).status)

        clients = [threading.Thread(target=ask_on) for _ in range(CLIENTS)]
        tunnel = _tunnel(proxy, behind.port)
        assert _says(tunnel, b"\x00before") == b"\x00before"
        for each in clients:
            each.start()
        try:
            for number in range(1, RELOADS + 1):
                _write(proxy.folder, number, behind.port)
                proxy.process.tell(signal.SIGHUP)
                until(lambda: _reloads(proxy) >= number, "the policy was not read again")  # noqa: B023 - asked at once
                if number % 20 == 0:
                    assert _says(tunnel, b"still here") == b"still here"
        finally:
            over.set()
            for each in clients:
                each.join(PATIENCE)
        tunnel.close()

    assert len(statuses) > RELOADS // 4
    assert set(statuses) == {200}
    _check(proxy.records())


def _reloads(proxy: Gateway) -> int:
    return sum("the policy was read again" in line for line in proxy.process.err)


def _check(records: list[dict[str, Any]]) -> None:
    """Every request was judged by a policy that was in force after the one before it on its connection was judged."""
    numbers: dict[str, int] = {}
    in_force = 0
    since: dict[int, int] = {}
    for record in records:
        match record:
            case {"event": "policy", "outcome": "loaded", "policy": {"digest": digest}}:
                in_force = numbers[digest] = len(numbers)
            case {"event": "decision", "client": {"port": port}, "policy": {"digest": digest}}:
                assert since.get(port, 0) <= numbers[digest] <= in_force
                since[port] = in_force
    assert len(numbers) == RELOADS + 1
