"""Secrets planted in every part of requests and answers, over real sockets: none is kept or shown anywhere.

The log, the standard error stream, the pages of the gateway and the bodies of its refusals are looked through. Hosts
and names of query parameters are meant to be written down; all else that a client or a server says is not.
"""

from __future__ import annotations

import base64
import json
import socket
import struct
from contextlib import suppress
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

import pytest

from tests.e2e.commands import free_port, until
from tests.e2e.gateway import gateway
from tests.e2e.origin import hello_bytes
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.receivers import web
from tests.e2e.wire import Answer, Closed, Wire, connect, get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

HOST: Final = "a.open.example"
POLICY: Final = """
version: 1
name: canaries
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [443, {port}]
rules:
  - {{id: closed, action: deny, reason: Closed, when: {{path: {{prefix: [/closed]}}}}, not: {{protocol: [tcp]}}}}
  - {{id: raw, action: allow, reason: Raw, when: {{protocol: [tcp]}}}}
limits:
  - {{id: per-secret, key: [client.ip, header.x-secret, query.secret], rate: 100000/min}}
"""
SHAPES: Final = ("Can4ry{}qwertyuiop", "can4ry{}`'\"<b>", "Can4ry{}%41 ü", "CANARY{}ASDFGHJKLPOIUZ", "can4ry{}=&;,|\\x")
MARKS: Final = ("Can4ry{}", "can4ry{}", "CANARY{}")
WEBSOCKET: Final = (
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)
SWITCH: Final = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\nSet-Cookie: s=%b\r\n\r\n"
)


def _heads(secret: str) -> Iterator[bytes]:
    """Requests with a secret somewhere in their head, without the line that names the target."""
    safe, basic = quote(secret, safe=""), base64.b64encode(f"u:{secret}".encode()).decode()
    jwt = f"eyJ{safe}.eyJ{safe}.{safe}".replace("%", "")
    line = f"http://{HOST}"
    for path in ("/", "/closed"):
        for field in (
            f"Authorization: Bearer {secret}",
            f"Authorization: Basic {basic}",
            f"Proxy-Authorization: Basic {basic}",
            f"Cookie: s={secret}",
            f"X-Secret: {secret}",
            f"X-{safe.replace('%', '')}: 1",
            f"Referer: http://x.example/?t={safe}",
            f"User-Agent: {secret}",
            f"X-Forwarded-For: {secret}",
            f"Content-Type: {secret}",
            f"Expect: {secret}",
            f"Bad Name {secret}: 1",
            f"X-Bad: {secret}\x01",
            f"Content-Length: {secret}",
            f"Transfer-Encoding: {secret}",
            f"Upgrade: {secret}",
            f"Traceparent: {secret}",
            f"Tracestate: a={secret}",
        ):
            yield get(f"{line}{path}", HOST, field)
        yield get(f"{line}{path}?secret={safe}&{safe}", HOST)
        yield get(f"{line}{path}?a={safe}&a={secret}", HOST)
        for accept in ("*/*", "text/html"):
            yield get(f"{line}{path}/reset/{jwt}", HOST, f"Accept: {accept}")
            yield get(f"{line}{path};jsessionid={safe}/x", HOST, f"Accept: {accept}")
            yield get(f"{line}{path}/go/http://u:{safe}@x.example/", HOST, f"Accept: {accept}")
    yield get(f"http://user:{secret}@{HOST}/", HOST)
    yield get(f"http://{HOST}/{secret}", HOST) if " " in secret else get(f"http://{HOST}/#{secret}", HOST)
    yield get(f"{line}/", f"u:{secret}@{HOST}")
    yield get(f"u:{secret}@{HOST}:443", HOST, method="CONNECT")
    yield get(f"{line}/", HOST, method=safe.replace("%", ""))
    yield f"GET {line}/ HTTP/9.{secret}\r\nHost: {HOST}\r\n\r\n".encode()
    yield f"{secret} nonsense\r\n\r\n".encode()


def _bodies(secret: str) -> Iterator[bytes]:
    """Requests with a secret behind their head: in the body, in its chunks, in its trailers."""
    chunked, raw = ("Transfer-Encoding: chunked", "Connection: close"), secret.encode()
    for path in ("/", "/closed"):
        target = f"http://{HOST}{path}"
        yield get(target, HOST, f"Content-Length: {len(raw)}", method="POST") + raw
        for rest in (
            b"%x\r\n%b\r\n0\r\n\r\n" % (len(raw), raw),
            b"1;%b\r\na\r\n0\r\n\r\n" % raw,
            b"1\r\na\r\n0\r\nX-Trailer: %b\r\nAuthorization: %b\r\n\r\n" % (raw, raw),
            b"%b\r\n\r\n" % raw,
        ):
            yield get(target, HOST, *chunked, method="POST") + rest


def _answers(secret: str) -> Iterator[bytes]:
    """Answers of a server with a secret in them, good ones and broken ones."""
    raw = secret.encode()
    for field in (
        b"Set-Cookie: s=%b",
        b"Location: http://u:%b@x.example/?t=%b",
        b"X-Secret: %b",
        b"Content-Length: %b",
    ):
        yield b"HTTP/1.1 302 Found\r\n%b\r\nConnection: close\r\n\r\n" % field.replace(b"%b", raw)
    yield b"HTTP/1.1 200 %b\r\nContent-Length: %d\r\n\r\n%b" % (raw, len(raw), raw)
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\nX-T: %b\r\n\r\n" % raw
    yield b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n%b\r\n" % raw
    yield b"%b\r\n\r\n" % raw
    yield SWITCH % raw


def _told(wire: Wire, request: bytes) -> bytes:
    """What the gateway itself said to a request; nothing if it passed on an answer, or said nothing."""
    try:
        answer = wire.ask(request)
    except (Closed, OSError, ValueError):
        return b""
    return _whole(answer) if answer.status >= 400 and answer.get("wicketgate-decision") else b""


def _whole(answer: Answer) -> bytes:
    return repr(answer.fields).encode() + answer.body


def _tunnels(secret: str, port: int) -> Iterator[Callable[[Wire], None]]:
    """What can be said in a tunnel: bytes of no protocol, and TLS that asks for somebody."""
    ask = get(f"{HOST}:{port}", f"{HOST}:{port}", method="CONNECT")
    name = "".join(filter(str.isalnum, secret.encode("ascii", "ignore").decode()))

    def says(first: bytes) -> Callable[[Wire], None]:
        def say(wire: Wire) -> None:
            wire.send(ask)
            assert wire.interim() == 200
            wire.send(first)
            wire.socket.shutdown(socket.SHUT_WR)
            wire.rest()

        return say

    yield says(b"\x00" + secret.encode())
    yield says(hello_bytes(f"{name}.example"))
    yield says(hello_bytes(f"{name}.example").replace(b".example", b"._ ample"))
    yield says(b"GET / HTTP/1.1\r\nHost: u:" + secret.encode() + b"@x\r\n\r\n")


def _socks(secret: str, port: int) -> Iterator[bytes]:
    """Greetings of SOCKS 5 with a password, and with names that are none."""
    raw = f"u:{secret}@x".encode()
    yield b"\x05\x01\x02" + b"\x01\x01u" + bytes([len(raw)]) + raw
    yield b"\x05\x01\x00\x05\x01\x00\x03" + bytes([len(raw)]) + raw + struct.pack(">H", port)
    yield b"\x04\x01" + struct.pack(">H", port) + b"\x7f\0\0\1" + raw + b"\0"


def _websocket(wire: Wire, message: bytes) -> None:
    wire.send(get(f"http://{HOST}/chat", HOST, *WEBSOCKET))
    with suppress(Closed):
        assert wire.interim() == 101
        wire.send(b"\x81" + bytes([0x80 | len(message)]) + b"\0\0\0\0" + message)
        wire.send(b"\x88\x80\0\0\0\0")
        wire.rest()


def _listeners(egress: int, socks: int, shop: int) -> list[dict[str, object]]:
    forward = {"mode": "forward", "policy": "forward.yaml"}
    return [
        {"name": "egress", "bind": f"127.0.0.1:{egress}", **forward},
        {"name": "socks", "entry": "socks5", "bind": f"127.0.0.1:{socks}", **forward},
        {
            "name": "shop",
            "mode": "reverse",
            "policy": "reverse.yaml",
            "bind": f"127.0.0.1:{shop}",
            "routes": [{"upstream": "app"}],
        },
    ]


@pytest.mark.parametrize("number", range(len(SHAPES)))
def test_no_secret_reaches_the_log_an_error_or_a_page(number: int, tmp_path: Path) -> None:
    """With an operator who wants to be told everything."""
    secret = SHAPES[number].format(number * 7919 + 10007)
    marks = [mark.format(number * 7919 + 10007) for mark in MARKS]
    ports, said, given = (free_port(), free_port(), free_port()), [], list(_answers(secret))
    with RecordingOrigin() as origin, web(tmp_path / "collector") as collector:
        policy = POLICY.format(port=origin.port)
        log = {"level": "debug", "format": "json"}
        settings = {"listeners": _listeners(*ports), "audit": {"query_values": ["page"]}, "log": log}
        settings["traces"] = {"endpoint": f"http://127.0.0.1:{collector.port}", "parent": "all"}
        names = {".open.example": ["127.0.0.1"]}
        with gateway(
            tmp_path,
            forward=policy,
            reverse=policy,
            upstreams=[f"http://127.0.0.1:{origin.port}"],
            names=names,
            settings=settings,
        ) as running:
            asked = [*_heads(secret), *_bodies(secret)]
            for request in asked:
                aimed = request.replace(f"http://{HOST}".encode(), f"http://{HOST}:{origin.port}".encode(), 1)
                for port, wanted in ((ports[0], aimed), (ports[2], request.replace(f"http://{HOST}".encode(), b"", 1))):
                    with connect(port) as wire:
                        said.append(_told(wire, wanted))
            for each in given:
                origin.answering = lambda _, answer=each: (answer, True)
                with connect(ports[2]) as wire:
                    said.append(_told(wire, get("/", HOST)))
            origin.answering = lambda _: (SWITCH % b"x", False)
            with connect(ports[2]) as wire:
                _websocket(wire, secret.encode())
            for tunnel in _tunnels(secret, origin.port):
                with connect(ports[0]) as wire:
                    tunnel(wire)
            for greeting in _socks(secret, origin.port):
                with connect(ports[1]) as wire:
                    wire.send(greeting)
                    wire.socket.shutdown(socket.SHUT_WR)
                    said.append(wire.rest())
            with connect(ports[0]) as wire:
                said.append(_whole(wire.ask(get("/", f"127.0.0.1:{ports[0]}", f"User-Agent: {secret}"))))
            until(
                lambda: sum(each["event"] == "end" for each in running.records()) >= 2 * len(asked) + len(given),
                "not every exchange is on record",
            )
            written = b"".join(path.read_bytes() for path in (running.state / "audit").iterdir() if path.is_file())
            kept = b"".join(path.read_bytes() for path in running.state.rglob("*") if path.is_file())
            running.process.end()
            kept += (collector.folder / "spans").read_bytes()
            shown = "".join([*running.process.err, *running.process.out]).encode() + b"".join(said)

    assert any(said)
    assert {json.loads(line)["level"] for line in running.process.err} >= {"info", "debug"}
    assert b'"event":"decision"' in written
    assert b'"wicketgate.decision.id"' in kept
    for mark in marks:
        assert mark.lower().encode() not in (kept + shown).lower(), _around(kept + shown, mark)
    assert BODY not in kept


def _around(text: bytes, mark: str) -> bytes:
    at = text.lower().find(mark.lower().encode())
    return text[max(0, at - 300) : at + 100]


def test_what_is_looked_for_would_be_found(tmp_path: Path) -> None:
    """The same look finds what the operator wants written down, so that it does not look in the wrong place."""
    with RecordingOrigin() as origin:
        policy = POLICY.format(port=origin.port)
        audit = {"query_values": ["page"], "field_values": ["user-agent"]}
        with gateway(
            tmp_path, forward=policy, names={".open.example": ["127.0.0.1"]}, settings={"audit": audit}
        ) as running:
            with running.through() as wire:
                target = f"http://{HOST}:{origin.port}/?page=canary-7&token=s3cret"
                assert wire.ask(get(target, f"{HOST}:{origin.port}", "User-Agent: canary-8")).status == 200
            record = running.wait_for(lambda each: each["event"] == "decision")

    assert record["request"]["query"] == {"page": "canary-7", "token": "REDACTED"}
    assert record["request"]["fields"] == {"user-agent": "canary-8"}
    assert record["masked"] == ["/request/query/token", "/limits/0/key/header.x-secret", "/limits/0/key/query.secret"]
