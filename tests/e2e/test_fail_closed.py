"""Whatever fails in a hook refuses: nothing of what it was asked about is forwarded, and others are served on."""

from __future__ import annotations

import ssl
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pytest

from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, Visit, client, read_all, read_head, status_of
from tests.e2e.sabotage import SABOTAGE, Saboteur, explode, named

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from gateway.config.settings import Entry

pytestmark = pytest.mark.e2e

NO_CONNECTION = "the origin saw no connection"
NO_BYTES = "the origin saw no byte of a request"
NO_ANSWER = "the client saw nothing of the origin's answer"
ENDED = "the connection was ended"
TIDIED = "the exchange went on to its end"

PLAIN = {
    "client_connected": NO_CONNECTION,
    "requestheaders": NO_CONNECTION,
    "request": NO_CONNECTION,
    "server_connect": NO_CONNECTION,
    "server_connected": NO_BYTES,
    "responseheaders": NO_ANSWER,
    "response": ENDED,
    "client_disconnected": TIDIED,
    "server_disconnected": TIDIED,
}
TUNNEL = {
    **PLAIN,
    "http_connect": NO_CONNECTION,
    "http_connected": NO_CONNECTION,
    "tunnel_hello": NO_CONNECTION,
    "tls_clienthello": NO_CONNECTION,
    "tls_start_client": NO_CONNECTION,
    "tls_established_client": NO_CONNECTION,
    "tls_start_server": NO_BYTES,
    "tls_established_server": NO_BYTES,
}


@dataclass
class Stage:
    """A gateway with a saboteur before its own addons and one behind them."""

    gateway: Running
    origin: Origin
    first: Saboteur
    last: Saboteur
    scenery: Scenery
    folder: Path

    @contextmanager
    def sabotaged(self, hook: str, how: Callable[[Any], Any], *, before: bool) -> Iterator[None]:
        """Within this block one of the saboteurs is at work."""
        saboteur = self.first if before else self.last
        self.origin.visits.clear()
        self.scenery.failures.clear()
        saboteur.how, saboteur.target = how, hook
        try:
            yield
        finally:
            saboteur.target = None

    def settled(self) -> None:
        """Wait until no connection is served any more: every record is written by then."""
        until(lambda: self.gateway.call(lambda: len(self.gateway.engine.served)) == 0, "a connection never ended")


@contextmanager
def staged(folder: Path, *, tls: bool, entry: Entry = "proxy") -> Iterator[Stage]:
    """A gateway between two saboteurs, in front of an origin."""
    identity = origins.identity_for(folder, "origin.example")
    first, last = Saboteur(), Saboteur()
    with origins.origin(tls=identity.context if tls else None) as served:
        scenery = Scenery(
            folder=folder,
            origin=served.port,
            trust=identity.authority,
            first=(first,),
            last=(last,),
            entry=entry,
        )
        with serving(scenery) as gateway:
            yield Stage(gateway, served, first, last, scenery, folder)


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("plain"), tls=False) as stage:
        yield stage


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("secret"), tls=True) as stage:
        yield stage


def through_forward(stage: Stage) -> bytes:
    """What a client gets that asks the forward listener; whatever happens, its connection comes to an end."""
    port = stage.origin.port
    request = (
        f"GET http://origin.example:{port}/secret HTTP/1.1\r\nHost: origin.example:{port}\r\nConnection: close\r\n\r\n"
    )
    return _exchange(stage.gateway.forward, request.encode())


def through_reverse(stage: Stage) -> bytes:
    return _exchange(stage.gateway.reverse, b"GET /secret HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")


def _exchange(port: int, request: bytes) -> bytes:
    with client(port) as connection:
        return _ask(connection, request)


def _ask(connection: socket.socket, request: bytes) -> bytes:
    with suppress(OSError):
        connection.sendall(request)
        return read_all(connection)
    return b""


def through_tunnel(stage: Stage, host: str = "origin.example") -> bytes:
    port = stage.origin.port
    with client(stage.gateway.forward) as connection, suppress(OSError):
        connection.sendall(f"CONNECT {host}:{port} HTTP/1.1\r\nHost: {host}:{port}\r\n\r\n".encode())
        head = read_head(connection)
        if status_of(head) != 200:
            return head
        trusted = origins.trusting(stage.folder / "state" / "ca" / "ca.pem")
        with trusted.wrap_socket(connection, server_hostname=host) as inner:
            return _ask(inner, f"GET /secret HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n\r\n".encode())
    return b""


WAYS = {"forward": through_forward, "reverse": through_reverse, "tunnel": through_tunnel}
CASES = [
    pytest.param(wanted, way, hook, id=f"{way}-{hook}")
    for way, hooks in (("forward", PLAIN), ("reverse", PLAIN), ("tunnel", TUNNEL))
    for hook, wanted in hooks.items()
]


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize(("wanted", "way", "hook"), CASES)
def test_a_hook_that_fails_lets_nothing_through(  # noqa: PLR0917 - the columns of the table, and its stages
    wanted: str,
    way: str,
    hook: str,
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    plain: Stage,
    secret: Stage,
) -> None:
    stage = secret if way == "tunnel" else plain

    with stage.sabotaged(hook, how, before=before):
        answer = WAYS[way](stage)
        stage.settled()

    assert (hook, named(how)) in stage.scenery.failures
    assert_outcome(wanted, answer, stage.origin.visits)
    assert status_of(WAYS[way](stage)) == 200
    stage.settled()


def assert_outcome(wanted: str, answer: bytes, visits: list[Visit]) -> None:
    received = b"".join(bytes(visit.data) for visit in visits)
    if wanted == NO_CONNECTION:
        assert visits == []
    if wanted in {NO_CONNECTION, NO_BYTES}:
        assert received == b""
    if wanted in {NO_CONNECTION, NO_BYTES, NO_ANSWER}:
        assert b"X-Origin" not in answer
        assert status_of(answer) in {0, 500}
    if wanted == TIDIED:
        assert status_of(answer) == 200


def test_a_request_that_nobody_could_judge_is_answered_and_recorded(plain: Stage) -> None:
    for before in (True, False):
        with plain.sabotaged("requestheaders", explode, before=before):
            answer = through_forward(plain)
            plain.settled()

        assert status_of(answer) == 500
        assert b"internal-error" in answer
        assert b"explodes" not in answer
        assert plain.origin.visits == []
    until(lambda: any("internal-error" in shape for shape in plain.gateway.exchanges()), "it was not recorded")


def unreadable(stage: Stage) -> bytes:
    return _exchange(stage.gateway.reverse, b"no request at all\r\n\r\n")


def refused_connect(stage: Stage) -> bytes:
    return _exchange(stage.gateway.forward, b"CONNECT origin.example:22 HTTP/1.1\r\nHost: origin.example:22\r\n\r\n")


def in_tunnel(stage: Stage, data: bytes) -> bytes:
    port = stage.origin.port
    with client(stage.gateway.forward) as connection, suppress(OSError):
        connection.sendall(f"CONNECT origin.example:{port} HTTP/1.1\r\nHost: origin.example:{port}\r\n\r\n".encode())
        read_head(connection)
        connection.sendall(data)
        return read_all(connection)
    return b""


def raw(stage: Stage) -> bytes:
    return in_tunnel(stage, b"SSH-2.0-test\r\n")


def broken_hello(stage: Stage) -> bytes:
    return in_tunnel(stage, b"\x16\x03\x01\x00\x05\x02\x00\x00\x01\x00")


def distrusted(stage: Stage) -> bytes:
    port = stage.origin.port
    with client(stage.gateway.forward) as connection, suppress(OSError):
        connection.sendall(f"CONNECT origin.example:{port} HTTP/1.1\r\nHost: origin.example:{port}\r\n\r\n".encode())
        read_head(connection)
        ssl.create_default_context().wrap_socket(connection, server_hostname="origin.example")
    return b""


def nobody_there(stage: Stage) -> bytes:
    request = b"GET http://origin.example:1/ HTTP/1.1\r\nHost: origin.example:1\r\n\r\n"
    return _exchange(stage.gateway.forward, request)


def misnamed(stage: Stage) -> bytes:
    """TLS to an origin whose certificate is for another name."""
    return through_tunnel(stage, "other.example")


TROUBLES: dict[str, Callable[[Stage], bytes]] = {
    "unreadable_head": unreadable,
    "http_connect_error": refused_connect,
    "tunnel_raw": raw,
    "tunnel_broken": broken_hello,
    "tls_failed_client": distrusted,
    "tls_failed_server": misnamed,
    "server_connect_error": nobody_there,
    "error": nobody_there,
}


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", TROUBLES)
def test_a_hook_that_fails_in_trouble_makes_it_no_better(
    hook: str,
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    plain: Stage,
    secret: Stage,
) -> None:
    stage = secret if hook == "tls_failed_server" else plain

    with stage.sabotaged(hook, how, before=before):
        answer = TROUBLES[hook](stage)
        stage.settled()

    assert (hook, named(how)) in stage.scenery.failures
    assert b"X-Origin" not in answer
    assert stage.origin.received == b""
    assert status_of((through_tunnel if stage is secret else through_forward)(stage)) == 200
    stage.settled()


WEBSOCKET = {"websocket_start": b"", "websocket_message": b"", "websocket_end": b"\x81\x02hi"}
"""What a client still hears of a WebSocket in which this hook fails."""

ACCEPT = (
    b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
)
ASK = (
    b"GET /chat HTTP/1.1\r\nHost: shop.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
SAY_HI = b"\x81\x82\x00\x00\x00\x00hi"
CLOSE = b"\x88\x80\x00\x00\x00\x00"


def echo(connection: socket.socket, visit: Visit) -> None:
    """A WebSocket that says what it hears."""
    origins.read_request(connection, visit)
    connection.sendall(ACCEPT)
    while frame := connection.recv(65536):
        visit.data += frame
        mask, said = frame[2:6], frame[6:]
        plain = bytes(byte ^ mask[at % 4] for at, byte in enumerate(said))
        connection.sendall(bytes([frame[0], len(plain)]) + plain)


def chat(stage: Stage) -> bytes:
    with client(stage.gateway.reverse) as connection, suppress(OSError):
        connection.sendall(ASK)
        head = read_head(connection)
        assert status_of(head) in {0, 101}
        connection.sendall(SAY_HI)
        heard = connection.recv(4)
        connection.sendall(CLOSE)
        read_all(connection)
        return heard
    return b""


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", WEBSOCKET)
def test_a_websocket_whose_hook_fails_carries_nothing(
    hook: str,
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    plain: Stage,
) -> None:
    plain.origin.serve = echo
    try:
        with plain.sabotaged(hook, how, before=before):
            heard = chat(plain)
            plain.settled()

        assert (hook, named(how)) in plain.scenery.failures
        assert heard == WEBSOCKET[hook]
        assert chat(plain) == b"\x81\x02hi"
    finally:
        plain.origin.serve = None
    plain.settled()
