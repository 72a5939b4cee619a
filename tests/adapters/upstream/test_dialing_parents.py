"""Dialling a parent in the place of a destination: where, how long, what is said to it, and who is blamed."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from mitmproxy.connection import Server
from mitmproxy.proxy.server_hooks import ServerConnectionHookData

from addons.entries.through import ParentFailed
from addons.upstream.dialing import Dialing
from gateway.policy.model import Reason
from gateway.policy.names import Host
from gateway.upstreams.parents import Parent, ParentTable
from tests.adapters.hellos import hello_of
from tests.adapters.scene import PLAIN, judged
from tests.e2e.commands import free_port

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

SPLICING = """
version: 1
name: open
default: {action: allow}
tls: {inspect: none}
"""
NAMES = {"site.example": "93.184.216.34", "proxy.example": "127.0.0.1"}


def behind(stage: Scene, port: int) -> Scene:
    parent = Parent(name="office", scheme="http", host=Host.parse("proxy.example"), port=port)
    stage.listener.parents = ParentTable(_any={None: parent})
    return stage


def wanted(client: Client, port: int) -> ServerConnectionHookData:
    """The layer wants a connection to the destination."""
    return ServerConnectionHookData(server=Server(address=("site.example", port)), client=client)


def heard(stage: Scene, data: ServerConnectionHookData, answer: bytes, port: int) -> bytes:
    """What the parent hears when the connection is opened; raises what opening it raises."""
    said = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if answer:
            said.extend(await reader.readuntil(b"\r\n\r\n"))
            writer.write(answer)
        said.extend(await reader.read())
        writer.close()

    async def play() -> None:
        async with await asyncio.start_server(serve, "127.0.0.1", port):
            await stage.dialing.server_connect(data)
            _, writer = await stage.dialing.connect(data.server)
            writer.close()
            await writer.wait_closed()

    asyncio.run(play())
    return bytes(said)


def test_for_a_plain_request_the_parent_is_dialled_and_told_nothing_yet(scene: Setter) -> None:
    port = free_port()
    stage = behind(scene(names=NAMES), port)
    client = stage.client()
    assert stage.ask(client, PLAIN).response is None
    data = wanted(client, 80)

    assert heard(stage, data, b"", port) == b""
    assert (data.server.error, data.server.address) == (None, ("127.0.0.1", port))


def test_for_a_tunnel_the_parent_is_asked_for_it_by_name(scene: Setter) -> None:
    port = free_port()
    stage = behind(scene(names=NAMES, policy=SPLICING), port)
    client = stage.client()
    stage.connect(client, "site.example:443")
    assert stage.hear(client, hello_of("site.example")) == "splice"

    said = heard(stage, wanted(client, 443), b"HTTP/1.1 200 OK\r\n\r\n", port)

    assert said == b"CONNECT site.example:443 HTTP/1.1\r\nHost: site.example:443\r\n\r\n"


@pytest.mark.parametrize(
    ("reason", "answer"),
    [
        (Reason.PARENT_REFUSED, b"HTTP/1.1 403 Forbidden\r\n\r\n"),
        (Reason.PARENT_TIMEOUT, b"HTTP/1.1 504 Gateway Timeout\r\n\r\n"),
    ],
)
def test_what_a_parent_answers_ends_the_exchange_with_a_reason_of_its_own(
    reason: Reason, answer: bytes, scene: Setter
) -> None:
    port = free_port()
    stage = behind(scene(names=NAMES, policy=SPLICING), port)
    client = stage.client()
    stage.connect(client, "site.example:443")
    stage.hear(client, hello_of("site.example"))
    data = wanted(client, 443)

    with pytest.raises(ParentFailed):
        heard(stage, data, answer, port)
    stage.dialing.server_connect_error(data)

    tunnel = stage.state(client).tunnel
    assert tunnel is not None
    assert tunnel.outcome is not None
    assert tunnel.outcome.reason is reason


def test_a_parent_at_which_nobody_listens_is_blamed_and_not_the_destination(scene: Setter) -> None:
    stage = behind(scene(names=NAMES), free_port())
    client = stage.client()
    flow = stage.ask(client, PLAIN)
    data = wanted(client, 80)

    async def play() -> None:
        await stage.dialing.server_connect(data)
        await stage.dialing.connect(data.server)

    with pytest.raises(OSError, match="no address could be reached"):
        asyncio.run(play())
    stage.dialing.server_connect_error(data)

    outcome = judged(flow).outcome
    assert outcome is not None
    assert (outcome.reason, outcome.message) == (Reason.PARENT_REFUSED, "The parent proxy cannot be reached.")


def test_a_parent_that_says_nothing_is_given_up(scene: Setter) -> None:
    port = free_port()
    stage = behind(scene(names=NAMES, policy=SPLICING), port)
    stage.dialing = Dialing(stage.connections, timeout=0.05)
    client = stage.client()
    stage.connect(client, "site.example:443")
    stage.hear(client, hello_of("site.example"))
    data = wanted(client, 443)

    with pytest.raises(asyncio.CancelledError):
        heard(stage, data, b"", port)
    stage.dialing.server_connect_error(data)

    tunnel = stage.state(client).tunnel
    assert tunnel is not None
    assert tunnel.outcome is not None
    assert tunnel.outcome.reason is Reason.PARENT_TIMEOUT
