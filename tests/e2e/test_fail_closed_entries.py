"""Whatever fails in a hook of a SOCKS handshake, a broken body or a failing server lets nothing through either."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from addons.connections.fail_closed import HOOKS
from tests.e2e.origin import Visit, client, read_all, read_request, status_of
from tests.e2e.sabotage import SABOTAGE, named
from tests.e2e.test_fail_closed import (
    PLAIN,
    TROUBLES,
    TUNNEL,
    WEBSOCKET,
    Stage,
    staged,
    through_forward,
    through_reverse,
)
from tests.e2e.test_http3 import HOOKS_OF_HTTP3

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

GREETING = b"\x05\x01\x00"
SOCKS4 = b"\x04\x01"
METHOD_CHOSEN = b"\x05\x00"


@pytest.fixture(scope="module")
def socks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("socks"), tls=False, entry="socks5") as stage:
        yield stage


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("plain"), tls=False) as stage:
        yield stage


def asked(stage: Stage) -> bytes:
    """What a SOCKS client gets behind the greeting: the reply, and what its request in the tunnel was answered."""
    port, host = stage.origin.port, b"origin.example"
    wanted = b"\x05\x01\x00\x03" + bytes([len(host)]) + host + port.to_bytes(2)
    request = b"GET /secret HTTP/1.1\r\nHost: origin.example:%d\r\nConnection: close\r\n\r\n" % port
    with client(stage.gateway.forward) as connection, suppress(OSError):
        connection.sendall(GREETING)
        assert connection.recv(2) == METHOD_CHOSEN
        connection.sendall(wanted)
        reply = connection.recv(10)
        if reply[:2] == b"\x05\x00":
            connection.sendall(request)
            return read_all(connection)
        return reply
    return b""


def broken(stage: Stage) -> bytes:
    """What a client gets that speaks another version."""
    with client(stage.gateway.forward) as connection, suppress(OSError):
        connection.sendall(SOCKS4)
        return read_all(connection)
    return b""


HANDSHAKES: dict[str, Callable[[Stage], bytes]] = {"socks_asked": asked, "socks_broken": broken}


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", HANDSHAKES)
def test_a_handshake_whose_hook_fails_leads_nowhere(
    hook: str,
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    socks: Stage,
) -> None:
    with socks.sabotaged(hook, how, before=before):
        answer = HANDSHAKES[hook](socks)
        socks.settled()

    assert (hook, named(how)) in socks.scenery.failures
    assert b"X-Origin" not in answer
    assert answer[:2] != b"\x05\x00"
    assert socks.origin.visits == []
    assert status_of(asked(socks)) == 200
    socks.settled()


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
def test_a_body_that_is_not_framed_ends_its_connection_whatever_fails(
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    plain: Stage,
) -> None:
    port = plain.origin.port
    head = f"POST http://origin.example:{port}/ HTTP/1.1\r\nHost: origin.example:{port}\r\n"
    with plain.sabotaged("unreadable_body", how, before=before):
        with client(plain.gateway.forward) as connection, suppress(OSError):
            connection.sendall(head.encode() + b"Transfer-Encoding: chunked\r\n\r\n2\r\nhi\r\nno chunk\r\n\r\n")
            answer = read_all(connection)
            assert b"X-Origin" not in answer
        plain.settled()

    assert plain.scenery.failures == [("unreadable_body", named(how))]
    assert b"no chunk" not in plain.origin.received
    assert b"\r\n0\r\n\r\n" not in plain.origin.received
    assert status_of(through_forward(plain)) == 200
    plain.settled()


def hang_up(connection: socket.socket, visit: Visit) -> None:
    """A server that reads a request and answers nothing."""
    read_request(connection, visit)


@pytest.mark.parametrize("before", [True, False], ids=["before", "behind"])
@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
def test_where_asking_another_server_fails_nobody_is_asked(
    how: Callable[[Any], Any],
    before: bool,  # noqa: FBT001 - a column of the table
    plain: Stage,
) -> None:
    plain.origin.serve = hang_up
    try:
        with plain.sabotaged("upstream_failed", how, before=before):
            answer = through_reverse(plain)
            plain.settled()
    finally:
        plain.origin.serve = None

    assert ("upstream_failed", named(how)) in plain.scenery.failures
    assert b"X-Origin" not in answer
    assert len(plain.origin.visits) == 1
    assert status_of(through_reverse(plain)) == 200
    plain.settled()


def test_every_hook_of_the_table_is_tried_somewhere() -> None:
    tried = {*PLAIN, *TUNNEL, *TROUBLES, *WEBSOCKET, *HANDSHAKES, "unreadable_body", "upstream_failed", *HOOKS_OF_HTTP3}

    assert set(HOOKS) == tried
