"""A policy is replaced while tunnels and WebSockets are open: what it refuses is closed, what it allows goes on."""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Final

import pytest
from h2.settings import SettingCodes

from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.h2wire import H2Origin, Message, Talk, asking, inside, talking
from tests.e2e.origin import Origin, Visit, hello_bytes, origin, read_all, read_head, status_of

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
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
NO_PATH: Final = (
    "- {id: no-games, action: deny, reason: Not any more, when: {path: {is: [/games]}}, not: {protocol: [tcp]}}"
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
    if b"/big HTTP" in piece:
        while piece:
            visit.data += piece
            piece = connection.recv(65536)
        return
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


def test_an_upload_is_cut_when_a_new_policy_refuses_it(proxy: Gateway, behind: Origin) -> None:
    host = f"games.example:{behind.port}"
    with proxy.through().socket as connection:
        connection.sendall(
            f"PUT http://{host}/big HTTP/1.1\r\nHost: {host}\r\nContent-Length: 1000\r\n\r\nhalf of it".encode()
        )
        until(lambda: any(b"half of it" in each.data for each in behind.visits), "the upload never began")
        _reload(proxy, behind, NO_GAMES)

        with suppress(ConnectionResetError):
            read_all(connection)
    end = _end(proxy, "games.example")
    assert (end["reason"], end["decision"]["rule"], end["bytes"]["up"]) == ("policy-changed", "no-games", 10)


def test_a_tunnel_that_came_by_socks_is_closed_as_well(tmp_path: Path, behind: Origin) -> None:
    hello, host = hello_bytes("games.tls.example"), b"games.tls.example"
    policy = POLICY.format(port=behind.port, more="")
    with gateway(tmp_path, forward=policy, names={".example": ["127.0.0.1"]}, entry="socks5") as proxy:
        with proxy.through().socket as connection:
            connection.sendall(b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(host)]) + host + behind.port.to_bytes(2))
            assert _answers(connection, 12) == b"\x05\x00\x05\x00\x00\x01" + bytes(6)
            connection.sendall(hello)
            assert _answers(connection, len(hello)) == hello

            _reload(proxy, behind, NO_GAMES)
            assert read_all(connection) == b""
        end = _end(proxy, "games.tls.example")

    assert (end["reason"], end["decision"]["rule"]) == ("policy-changed", "no-games")


@contextmanager
def _inspected(
    folder: Path, served: Callable[[socket.socket, Visit], None], *alpn: str
) -> Iterator[tuple[Gateway, Origin]]:
    """A gateway that opens TLS to games.example, and a server of it that speaks these protocols."""
    issuer = authority()
    (folder / "root.pem").write_bytes(issuer.pem)
    identity = issuer.signs(Wish(names=("games.example",))).served(folder)
    identity.set_alpn_protocols(list(alpn))
    settings, names = {"upstream_tls": {"trust": ["root.pem"]}}, {".example": ["127.0.0.1"]}
    with origin(serve=served, tls=identity) as behind:
        policy = POLICY.format(port=behind.port, more="")
        with gateway(folder, forward=policy, names=names, settings=settings) as proxy:
            yield proxy, behind


def test_a_websocket_over_http2_is_not_offered_and_refused_to_whoever_asks_all_the_same(tmp_path: Path) -> None:
    """RFC 8441: so what a reload refuses can only be a WebSocket over HTTP/1.1, below."""
    served = H2Origin()
    with _inspected(tmp_path, served.serve, "h2") as (proxy, behind):
        host, ca = f"games.example:{behind.port}", proxy.state / "ca" / "ca.pem"
        with talking(proxy.forward, "games.example", behind.port, ca) as talk:
            plain = talk.head(asking(host, "/chat"), end=True)
            talk.until(lambda: talk.messages[plain].is_over)
            offered = dict(talk.h2.remote_settings)
            refused = talk.head([*asking(host, "/chat", method="CONNECT"), (":protocol", "websocket")])
            talk.until(lambda: talk.messages[refused].is_over)
            again = talk.head(asking(host, "/again"), end=True)
            talk.until(lambda: talk.messages[again].is_over)

        statuses = [dict(talk.messages[each].fields)[":status"] for each in (plain, refused, again)]
        decided = dict(talk.messages[refused].fields)["wicketgate-decision"]
        decision = proxy.record(decided)["decision"]

    assert offered.get(SettingCodes.ENABLE_CONNECT_PROTOCOL, 0) == 0
    assert statuses == ["200", "400", "200"]
    assert (decision["verdict"], decision["reason"]) == ("deny", "malformed-request")
    assert [dict(each.fields)[":path"] for each in served.messages] == ["/chat", "/again"]


def test_a_websocket_inside_inspected_tls_is_closed_when_a_new_policy_refuses_it(tmp_path: Path) -> None:
    with _inspected(tmp_path, _echo, "http/1.1") as (proxy, behind):
        ca = proxy.state / "ca" / "ca.pem"
        with inside(proxy.forward, "games.example", behind.port, ca, "http/1.1") as tls:
            tls.sendall(f"GET /chat HTTP/1.1\r\nHost: games.example:{behind.port}\r\n".encode() + UPGRADE)
            assert status_of(read_head(tls)) == 101

            _reload(proxy, behind, NO_GAMES)
            assert read_all(tls) == b""
        ends = [each for each in proxy.records() if each["event"] == "end" and each["reason"] is not None]

    assert [(each["reason"], each["decision"]["rule"]) for each in ends] == [("policy-changed", "no-games")]


def _begun(talk: Talk, stream_id: int, _message: Message) -> None:
    """Answers that go on and on."""
    talk.h2.send_headers(stream_id, [(":status", "200"), ("content-type", "text/event-stream")])
    talk.data(stream_id, b"data: 1")


def test_of_several_streams_only_the_refused_one_is_reset(tmp_path: Path) -> None:
    served = H2Origin(reply=_begun)
    with _inspected(tmp_path, served.serve, "h2") as (proxy, behind):
        ca = proxy.state / "ca" / "ca.pem"
        with talking(proxy.forward, "games.example", behind.port, ca) as talk:
            closed, kept = (talk.head(asking(f"games.example:{behind.port}", path)) for path in ("/games", "/work"))
            talk.until(lambda: all(b"data: 1" in talk.messages[each].body for each in (closed, kept)))

            _reload(proxy, behind, NO_PATH)
            talk.until(lambda: talk.messages[closed].reset is not None)
            assert not talk.messages[kept].is_over
        decided = proxy.wait_for(lambda each: each["event"] == "decision" and each["request"]["path"] == "/games")
        end = proxy.record(decided["id"], "end")

    assert (end["reason"], end["decision"]["rule"]) == ("policy-changed", "no-games")
