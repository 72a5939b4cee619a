"""A reverse listener with TLS, in front of an upstream of HTTP/1 or HTTP/2, and clients of both that read everything.

What is said and heard has one form in both protocols, so that a test holds in all four directions.
"""

from __future__ import annotations

import re
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, Literal

from addons.serving.composition import compose
from gateway.config.endpoints import parse_server
from gateway.config.settings import LimitSettings, RouteSettings, UpstreamSettings
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.gateways import Running, Scenery, served
from tests.e2e.h2wire import H2Origin, Message, Talk, asking
from tests.e2e.origin import Identity, Origin, Visit, identity_for, origin
from tests.e2e.wire import Wire, connect
from tests.keyrings import Keyring

if TYPE_CHECKING:
    import socket
    import ssl
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from addons.connections.bounds import Bounds
    from gateway.upstreams.safety import SecurityPreset

type Version = Literal["h1", "h2"]
type Fields = Sequence[tuple[str, str]]

HOST: Final = "shop.example"
DIRECTIONS: Final[tuple[tuple[Version, Version], ...]] = (("h1", "h1"), ("h2", "h1"), ("h1", "h2"), ("h2", "h2"))
"""Who asks, and who is asked."""

_END: Final = re.compile(rb"\r\n0\r\n((?:[^\r\n]+\r\n)*)\r\n\Z")
_HEAD: Final = re.compile(rb"(.*?)\r\n\r\n", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Said:
    """What an origin says: interim answers, then a 200 with `fields`, its body and its trailers."""

    interim: Sequence[tuple[int, Fields]] = ()
    fields: Fields = ()
    trailers: Fields = ()
    body: str = "hello"


@dataclass(frozen=True, slots=True)
class Heard:
    """A message as it came; names of fields are in lower case. The first of `fields` of a request is its line."""

    status: int
    fields: Fields
    body: bytes
    trailers: Fields
    interim: Sequence[tuple[int, Fields]] = ()

    def get(self, name: str) -> str | None:
        """The value of a field, None if there is none."""
        return next((value for each, value in self.fields if each == name), None)


@dataclass
class Upstream:
    """Says the same to everybody, and remembers what it heard; over HTTP/2 or HTTP/1, inside TLS or not."""

    says: Said = field(default_factory=Said)
    heard: list[Heard] = field(default_factory=list)

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        """Speak HTTP/1 on a connection."""
        while (request := _read_request(connection, visit)) is not None:
            self.heard.append(request)
            connection.sendall(_as_h1(self.says))

    def reply(self, talk: Talk, number: int, message: Message) -> None:
        """Answer a stream of HTTP/2."""
        fields = tuple(message.fields)
        self.heard.append(Heard(0, fields, bytes(message.body), tuple(message.trailers or ())))
        for status, more in self.says.interim:
            talk.h2.send_headers(number, [(":status", str(status)), *_lower(more)])
        talk.h2.send_headers(number, [(":status", "200"), *_lower(self.says.fields)])
        talk.data(number, self.says.body.encode(), end=not self.says.trailers)
        if self.says.trailers:
            talk.h2.send_headers(number, _lower(self.says.trailers), end_stream=True)


@dataclass
class Protected:
    """The gateway, the upstream behind it, and how to get in."""

    gateway: Running
    upstream: Upstream
    origin: Origin
    ring: Keyring

    @contextmanager
    def inside(self, *offers: str, name: str = HOST) -> Iterator[ssl.SSLSocket]:
        """TLS to the gateway, offering these protocols."""
        context = self.ring.client()
        context.set_alpn_protocols(list(offers))
        plain = connect(self.gateway.reverse).socket
        with context.wrap_socket(plain, server_hostname=name) as tls:
            yield tls

    @contextmanager
    def wire(self) -> Iterator[Wire]:
        """A client of HTTP/1."""
        with self.inside("http/1.1") as tls:
            yield Wire(tls)

    @contextmanager
    def talk(self) -> Iterator[Talk]:
        """A client of HTTP/2."""
        with self.inside("h2") as tls:
            yield Talk(tls).start()

    def ask(self, version: Version, *fields: tuple[str, str], body: str = "", trailers: Fields = ()) -> Heard:
        """One request, a POST if it has a body, with all that comes of it."""
        method = "POST" if body or trailers else "GET"
        if version == "h1":
            with self.wire() as wire:
                wire.send(_request(method, fields, body, trailers))
                return read_answer(wire)
        with self.talk() as talk:
            has_more = bool(body or trailers)
            number = talk.head(asking(HOST, "/", *_lower(fields), method=method), end=not has_more)
            if has_more:
                talk.data(number, body.encode(), end=not trailers)
            if trailers:
                talk.h2.send_headers(number, _lower(trailers), end_stream=True)
                talk.flush()
            return _of_message(talk.whole(number))


def _of_message(message: Message) -> Heard:
    interim = [(int(dict(each)[":status"]), tuple(each[1:])) for each in message.interim]
    return Heard(
        message.status, tuple(message.fields), bytes(message.body), tuple(message.trailers or ()), tuple(interim)
    )


def read_answer(wire: Wire) -> Heard:
    """The next answer of HTTP/1, with what comes before and behind it."""
    interim = []
    while True:
        status, fields = _head(wire)
        if status >= 200 or status == 101:
            break
        interim.append((status, fields))
    known = dict(fields)
    if known.get("transfer-encoding") != "chunked":
        body = wire.take(int(known["content-length"])) if "content-length" in known else wire.rest()
        return Heard(status, fields, body, (), tuple(interim))
    body = b"".join(wire.chunks())
    return Heard(status, fields, body, _fields(wire.trailers), tuple(interim))


def _head(wire: Wire) -> tuple[int, Fields]:
    line, _, rest = wire.until(b"\r\n\r\n").partition(b"\r\n")
    return int(line.split(b" ")[1]), _fields(rest)


def _fields(raw: bytes) -> Fields:
    lines = (line.partition(":") for line in raw.decode("latin-1").split("\r\n") if line)
    return tuple((name.lower(), value.strip()) for name, _, value in lines)


def _request(method: str, fields: Fields, body: str, trailers: Fields) -> bytes:
    framed = [("Transfer-Encoding", "chunked")] if method == "POST" else []
    head = f"{method} / HTTP/1.1\r\nHost: {HOST}\r\n{_lines([*fields, *framed])}\r\n"
    return (head + (_chunks(body, trailers) if framed else "")).encode()


def _as_h1(said: Said) -> bytes:
    text = "".join(f"HTTP/1.1 {status} Words\r\n{_lines(fields)}\r\n" for status, fields in said.interim)
    text += f"HTTP/1.1 200 OK\r\n{_lines(said.fields)}Transfer-Encoding: chunked\r\n\r\n"
    return (text + _chunks(said.body, said.trailers)).encode()


def _chunks(body: str, trailers: Fields) -> str:
    return (f"{len(body):x}\r\n{body}\r\n" if body else "") + f"0\r\n{_lines(trailers)}\r\n"


def _lines(fields: Fields) -> str:
    return "".join(f"{name}: {value}\r\n" for name, value in fields)


def _lower(fields: Fields) -> list[tuple[str, str]]:
    return [(name.lower(), value) for name, value in fields]


def _read_request(connection: socket.socket, visit: Visit) -> Heard | None:
    raw = b""
    while (head := _HEAD.match(raw)) is None or (
        b"transfer-encoding: chunked" in head[1].lower() and _END.search(raw[head.end() - 2 :]) is None
    ):
        piece = connection.recv(65536)
        if not piece:
            return None
        visit.data += piece
        raw += piece
    line, _, fields = head[1].partition(b"\r\n")
    end = _END.search(raw)
    trailers = () if end is None else _fields(end[1])
    return Heard(0, (("line", line.decode()), *_fields(fields)), raw[head.end() :], trailers)


@contextmanager
def protected(
    folder: Path,
    upstream: Version = "h1",
    *,
    policy: str = "",
    bounds: Bounds | None = None,
    rules: PoolRules = PoolRules(),  # noqa: B008 - the value is frozen, so that it can be shared
    route: RouteSettings = RouteSettings(upstream="app"),  # noqa: B008 - the value is frozen, so that it can be shared
    serve: Callable[[socket.socket, Visit], None] | None = None,
    is_secure: bool = True,
    security_fields: SecurityPreset = "off",
    limits: LimitSettings = LimitSettings(),  # noqa: B008 - the value is frozen, so that it can be shared
    identity: Identity | None = None,
    port: int | None = None,
) -> Iterator[Protected]:
    """Serve within this block; the upstream speaks TLS if it `is_secure`, which HTTP/2 needs.

    With `port`, a server that runs already is the upstream; it shows `identity` as `origin.example`.
    """
    keys = folder / "keys"
    keys.mkdir()
    behind, ring = Upstream(), Keyring.in_folder(keys)
    identity = identity or identity_for(folder, "origin.example")
    if upstream == "h2":
        identity.context.set_alpn_protocols(["h2"])
    speaks = H2Origin(reply=behind.reply).serve if upstream == "h2" else behind.serve
    with ExitStack() as stack:
        there = stack.enter_context(origin(serve=serve or speaks, tls=identity.context if is_secure else None))
        at = port or there.port
        scenery = Scenery(
            folder=folder, origin=at, policy=policy, trust=identity.authority, bounds=bounds, limits=limits
        )
        settings = scenery.settings()
        forward, reverse = settings.listeners
        shown = ring.shows(ring.issue("shop", HOST, "localhost"))
        reverse = replace(reverse, tls=shown, routes=(route,), security_fields=security_fields)
        server = parse_server(f"{'https' if is_secure else 'http'}://origin.example:{at}")
        engine = compose(
            replace(
                settings,
                listeners=(forward, reverse),
                upstreams={"app": UpstreamSettings(name="app", servers=(server,), rules=rules)},
            )
        )
        yield Protected(stack.enter_context(served(scenery, engine)), behind, there, ring)
        assert scenery.failures == []
