"""A policy is replaced while tunnels and WebSockets are open: what it refuses is closed, what it allows goes on."""

from __future__ import annotations

import signal
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.e2e.commands import until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origin import Origin, Visit, hello_bytes, origin, read_all, read_head, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = """\
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [{port}]
rules:
  - {{id: raw, action: allow, reason: Agreed, when: {{protocol: [tcp], host: {{under: [raw.example]}}}}}}
  {more}
tls: {{inspect: all, splice: [{{id: unread, reason: Agreed, when: {{host: {{under: [tls.example]}}}}}}]}}
limits:
  - {{id: few, key: [client.ip], rate: 4/day, burst: 4}}
"""
NO_GAMES: Final = (
    "- {id: no-games, action: deny, reason: Not any more, when: {host: {is: [games.tls.example, games.example]}}}"
)
ACCEPT: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
FEED: Final = (
    b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n7\r\ndata: 1\r\n"
)
UPGRADE: Final = (
    b"Upgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)


def _echo(connection: socket.socket, visit: Visit) -> None:
    """A WebSocket to those who ask for one, an echo to everybody else."""
    piece = connection.recv(65536)
    if b"/feed HTTP" in piece:
        connection.sendall(FEED)
        while connection.recv(65536):
            pass
        return
    if piece.startswith(b"GET "):
        connection.sendall(ACCEPT)
        while connection.recv(65536):
            connection.sendall(b"\x8a\x00")
    while piece:
        visit.data += piece
        connection.sendall(piece)
        piece = connection.recv(65536)


@pytest.fixture(scope="module")
def behind() -> Iterator[Origin]:
    with origin(serve=_echo) as served:
        yield served


@pytest.fixture
def proxy(tmp_path: Path, behind: Origin) -> Iterator[Gateway]:
    policy = POLICY.format(port=behind.port, more="")
    with gateway(tmp_path, forward=policy, names={".example": ["127.0.0.1"]}) as running:
        yield running


def _tunnel(proxy: Gateway, host: str, port: int, first: bytes) -> socket.socket:
    connection = proxy.through().socket
    connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    assert status_of(read_head(connection)) == 200
    connection.sendall(first)
    assert _answers(connection, len(first)) == first
    return connection


def _websocket(proxy: Gateway, host: str, port: int) -> socket.socket:
    connection = proxy.through().socket
    connection.sendall(f"GET http://{host}:{port}/chat HTTP/1.1\r\nHost: {host}:{port}\r\n".encode() + UPGRADE)
    assert status_of(read_head(connection)) == 101
    return connection


def _feed(proxy: Gateway, host: str, port: int) -> socket.socket:
    connection = proxy.through().socket
    connection.sendall(f"GET http://{host}:{port}/feed HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
    assert status_of(read_head(connection)) == 200
    return connection


def _answers(connection: socket.socket, size: int) -> bytes:
    data = b""
    while len(data) < size and (piece := connection.recv(size - len(data))):
        data += piece
    return data


def _reload(proxy: Gateway, behind: Origin, more: str) -> None:
    (proxy.folder / "forward.yaml").write_text(POLICY.format(port=behind.port, more=more), encoding="utf-8")
    told = len(proxy.process.err)
    proxy.process.tell(signal.SIGHUP)
    until(lambda: any("was read again" in line for line in proxy.process.err[told:]), "the policy was not read again")


def _end(proxy: Gateway, host: str) -> dict[str, Any]:
    decided = proxy.wait_for(lambda each: each["event"] == "decision" and each["request"]["host"] == host)
    return proxy.record(decided["id"], "end")


def test_a_reload_closes_what_it_refuses_and_keeps_what_it_allows(proxy: Gateway, behind: Origin) -> None:
    hello, raw = hello_bytes("games.tls.example"), b"\x00anything"
    kept_hello = hello_bytes("work.tls.example")
    closed = {
        "games.tls.example": _tunnel(proxy, "games.tls.example", behind.port, hello),
        "games.example": _websocket(proxy, "games.example", behind.port),
    }
    kept = _tunnel(proxy, "work.tls.example", behind.port, kept_hello)
    kept_raw = _tunnel(proxy, "work.raw.example", behind.port, raw)

    _reload(proxy, behind, NO_GAMES)
    for host, connection in closed.items():
        with connection:
            assert read_all(connection) == b""
        end = _end(proxy, host)
        assert (end["reason"], end["decision"]["verdict"], end["decision"]["rule"]) == (
            "policy-changed",
            "deny",
            "no-games",
        )
    assert _end(proxy, "games.tls.example")["bytes"] == {"up": len(hello), "down": len(hello)}
    for connection in (kept, kept_raw):
        connection.sendall(b"still here")
        assert _answers(connection, 10) == b"still here"

    _reload(proxy, behind, "")
    kept.close()
    kept_raw.close()
    ends = [_end(proxy, host) for host in ("work.tls.example", "work.raw.example")]
    assert [(end["reason"], end["bytes"]["up"]) for end in ends] == [
        (None, len(kept_hello) + 10),
        (None, len(raw) + 10),
    ]


def test_a_tunnel_ends_when_it_would_be_inspected_now_or_its_rule_is_gone(proxy: Gateway, behind: Origin) -> None:
    spliced = _tunnel(proxy, "a.tls.example", behind.port, hello_bytes("a.tls.example"))
    raw = _tunnel(proxy, "a.raw.example", behind.port, b"\x00anything")
    stricter = POLICY.format(port=behind.port, more="").replace("under: [tls.example]", "under: [other.example]")

    (proxy.folder / "forward.yaml").write_text(stricter.replace("raw.example", "other.example"), encoding="utf-8")
    proxy.process.tell(signal.SIGHUP)
    for host, connection in (("a.tls.example", spliced), ("a.raw.example", raw)):
        with connection:
            assert read_all(connection) == b""
        assert _end(proxy, host)["reason"] == "policy-changed"


def test_a_policy_that_is_no_good_closes_nothing(proxy: Gateway, behind: Origin) -> None:
    with _tunnel(proxy, "a.raw.example", behind.port, b"\x00anything") as connection:
        (proxy.folder / "forward.yaml").write_text("version: 1\nname: bad\n", encoding="utf-8")
        proxy.process.tell(signal.SIGHUP)
        until(lambda: any("stays in force" in line for line in proxy.process.err), "the bad policy was not refused")

        connection.sendall(b"still here")
        assert _answers(connection, 10) == b"still here"


def test_a_stream_of_events_is_cut_when_a_new_policy_refuses_it(proxy: Gateway, behind: Origin) -> None:
    with _feed(proxy, "games.example", behind.port) as closed, _feed(proxy, "work.example", behind.port) as kept:
        _reload(proxy, behind, NO_GAMES)

        with suppress(ConnectionResetError):
            assert b"0\r\n\r\n" not in read_all(closed), "nobody may take it for the whole"
        end = _end(proxy, "games.example")
        assert (end["reason"], end["decision"]["rule"]) == ("policy-changed", "no-games")
        assert b"data: 1" in kept.recv(65536)
        kept.settimeout(0.0)
        with pytest.raises(BlockingIOError):
            kept.recv(1)
