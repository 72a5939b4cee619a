"""What passes through TLS that stands is what was said, in order, and an end is an end."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any, override

import pytest
from mitmproxy.connection import ConnectionState, Server
from mitmproxy.proxy import commands, events
from mitmproxy.proxy.context import Context
from mitmproxy.proxy.layer import Layer
from mitmproxy.proxy.layers import tls
from OpenSSL import SSL

from addons.serving.options import LayerOptions, for_layers
from addons.tls.layers import UpstreamTlsLayer
from addons.tls.passage import stands
from tests.e2e.certificates import Wish, authority

if TYPE_CHECKING:
    from collections.abc import Callable, Generator
    from pathlib import Path

    from tests.adapters.scene import Scene


class Echo(Layer):
    """Notes what it hears, and answers data as it is told to."""

    def __init__(self, context: Context) -> None:
        super().__init__(context)
        self.heard: list[object] = []
        self.says: list[commands.Command] = []

    @override
    def _handle_event(self, event: events.Event) -> Generator[commands.Command]:
        if isinstance(event, events.DataReceived):
            self.heard.append(event.data)
            yield from self.says
        elif isinstance(event, events.ConnectionClosed):
            self.heard.append("end")


class Stage:
    """A layer of TLS whose handshake is done, and the other end of its connection."""

    def __init__(self, scene: Scene, folder: Path) -> None:
        (folder / "identity.pem").write_bytes(authority("root").signs(Wish(names=("site.example",))).whole)
        context = SSL.Context(SSL.TLS_SERVER_METHOD)
        context.use_certificate_chain_file(str(folder / "identity.pem"))
        context.use_privatekey_file(str(folder / "identity.pem"))
        self.peer = SSL.Connection(context)
        self.peer.set_accept_state()
        self.said: list[commands.Command] = []
        layers = Context(scene.client(), for_layers(LayerOptions()))
        self.server = layers.server = Server(address=("site.example", 443))
        self.server.state = ConnectionState.OPEN
        self.layer = UpstreamTlsLayer(layers)
        self.inside = self.layer.child_layer = Echo(layers)
        self.tell(events.Start())
        while not stands(self.layer, events.DataReceived(self.server, b"")):
            self._shake()
        self._shake()  # the other end hears of it, and sends its tickets
        self.said.clear()

    def _shake(self) -> None:
        for command in self.said:
            if isinstance(command, commands.SendData):
                self.peer.bio_write(command.data)
        self.said.clear()
        with suppress(SSL.WantReadError):
            self.peer.do_handshake()
        self.tell(events.DataReceived(self.server, self.peer.bio_read(65535)))

    def tell(self, event: events.Event) -> None:
        pending = [event]
        while pending:
            for command in self.layer.handle_event(pending.pop(0)):
                self.said.append(command)
                if isinstance(command, tls.TlsStartServerHook):
                    command.data.ssl_conn = SSL.Connection(SSL.Context(SSL.TLS_CLIENT_METHOD))
                    command.data.ssl_conn.set_connect_state()
                if isinstance(command, commands.StartHook):
                    pending.append(events.HookCompleted(command))

    def sent(self) -> bytes:
        """What the other end gets to read."""
        for command in self.said:
            if isinstance(command, commands.SendData) and command.connection is self.server:
                self.peer.bio_write(command.data)
        return self.peer.recv(1 << 20)

    def arrive(self, *said: bytes) -> None:
        """The other end says something, in a record for each piece, and all of it comes at once."""
        for piece in said:
            self.peer.sendall(piece)
        self.tell(events.DataReceived(self.server, self.peer.bio_read(1 << 20)))


@pytest.fixture
def stage(scene: Callable[..., Scene], tmp_path: Path) -> Stage:
    return Stage(scene(), tmp_path)


@pytest.mark.parametrize("said", [(b"one",), (b"one", b"two"), (b"x" * 16384, b"y" * 40_000), (b"z" * 16384,) * 15])
def test_what_comes_in_records_is_heard_in_one_piece(stage: Stage, said: tuple[bytes, ...]) -> None:
    stage.arrive(*said)

    assert stage.inside.heard == [b"".join(said)]


def test_half_a_record_is_waited_for(stage: Stage) -> None:
    stage.peer.sendall(b"whole")
    record = stage.peer.bio_read(65535)
    stage.tell(events.DataReceived(stage.server, record[:9]))
    assert stage.inside.heard == []

    stage.tell(events.DataReceived(stage.server, record[9:]))
    assert stage.inside.heard == [b"whole"]


def test_what_is_said_at_once_is_one_record_and_stays_before_what_follows(stage: Stage) -> None:
    stage.inside.says = [
        commands.SendData(stage.server, b"head "),
        commands.SendData(stage.server, b"body"),
        commands.CloseConnection(stage.server),
    ]
    stage.arrive(b"asked")

    assert [type(each) for each in stage.said] == [commands.SendData, commands.CloseConnection]
    assert stage.sent() == b"head body"


def test_more_than_openssl_gives_at_once_is_sent_whole(stage: Stage) -> None:
    stage.inside.says = [commands.SendData(stage.server, b"z" * 200_000)]
    stage.arrive(b"asked")

    got = bytearray(stage.sent())
    while len(got) < 200_000:
        got += stage.peer.recv(1 << 20)
    assert got == b"z" * 200_000


def test_what_openssl_keeps_of_large_pieces_is_little(stage: Stage) -> None:
    stage.inside.says = [commands.SendData(stage.server, b"z" * 200_000)]
    stage.arrive(b"asked")

    sizes = [len(each.data) for each in stage.said if isinstance(each, commands.SendData)]
    assert len(sizes) == 4
    assert max(sizes) < 70_000


def test_an_end_in_the_middle_of_much_is_heard_after_what_came_before(stage: Stage) -> None:
    stage.peer.sendall(b"y" * 100_000)
    stage.peer.shutdown()
    stage.tell(events.DataReceived(stage.server, stage.peer.bio_read(1 << 20) + b"\x17\x03\x03" * 40_000))

    assert stage.inside.heard == [b"y" * 100_000, "end"]


def test_what_is_said_on_another_connection_is_not_sealed(stage: Stage) -> None:
    other: Any = stage.layer.context.client
    stage.inside.says = [commands.SendData(other, b"plain")]
    stage.arrive(b"asked")

    assert [(each.connection, each.data) for each in stage.said if isinstance(each, commands.SendData)] == [
        (other, b"plain")
    ]


def test_an_end_behind_the_last_words_is_heard_after_them(stage: Stage) -> None:
    stage.peer.sendall(b"last")
    stage.peer.shutdown()
    stage.tell(events.DataReceived(stage.server, stage.peer.bio_read(65535)))

    assert stage.inside.heard == [b"last", "end"]


def test_what_is_no_record_is_not_heard(stage: Stage) -> None:
    stage.tell(events.DataReceived(stage.server, b"\x17\x03\x03\x00\x20" + b"\x00" * 32))

    assert stage.inside.heard == []


def test_a_closed_connection_is_no_business_of_the_short_way(stage: Stage) -> None:
    assert not stands(stage.layer, events.ConnectionClosed(stage.server))
    stage.tell(events.ConnectionClosed(stage.server))

    assert stage.inside.heard == ["end"]
