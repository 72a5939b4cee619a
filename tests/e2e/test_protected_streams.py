"""What stays open through a reverse listener with TLS: WebSockets, events one by one, and bodies of any size."""

from __future__ import annotations

import subprocess
import threading
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from mitmproxy.connection import Client, Server
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect as connect_websocket
from websockets.sync.server import serve as serve_websockets

from gateway.config.settings import LimitSettings
from tests.e2e.commands import PATIENCE, until
from tests.e2e.h2wire import H2Origin, asking
from tests.e2e.origin import identity_for
from tests.e2e.protected import DIRECTIONS, HOST, Protected, Said, Version, protected
from tests.e2e.test_event_streams import EVENTS, Source, event, watch
from tests.e2e.test_memory import ALL, PIECE, PIECES, Bulk, is_held
from tests.e2e.wire import get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from websockets.sync.client import ClientConnection
    from websockets.sync.server import ServerConnection

    from tests.e2e.h2wire import Message, Talk
    from tests.e2e.wire import Wire

pytestmark = pytest.mark.e2e

LARGE: Final = LimitSettings(body=2 * ALL)
NO_EVIL: Final = "rules: [{id: no-spies, action: deny, reason: not here, when: {path: {prefix: [/refused]}}}]"


def echo(connection: ServerConnection) -> None:
    """Say everything back; leave when asked to."""
    for message in connection:
        if message == "leave":
            connection.close(4001, "as you wish")
            return
        connection.send(message)


@pytest.fixture(scope="module")
def chat(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    folder = tmp_path_factory.mktemp("chat")
    identity = identity_for(folder, "origin.example")
    with serve_websockets(echo, "127.0.0.1", 0, ssl=identity.context) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            port = server.socket.getsockname()[1]
            with protected(folder, identity=identity, port=port, policy=NO_EVIL) as here:
                yield here
        finally:
            server.shutdown()
            thread.join(PATIENCE)


@contextmanager
def talking(here: Protected) -> Iterator[ClientConnection]:
    """A client in TLS that stands already: it would wrap the socket itself, if the scheme said so."""
    with (
        here.inside("http/1.1") as tls,
        connect_websocket(f"ws://{HOST}/chat", sock=tls, max_size=None) as client,
    ):
        yield client


@pytest.mark.parametrize("said", ["a word", "ü" * 1000, b"\x00\xff" * 1000, b"", "x" * 1_000_000])
def test_a_websocket_says_back_what_was_said(said: str | bytes, chat: Protected) -> None:
    with talking(chat) as client:
        client.send(said)
        assert client.recv(PATIENCE) == said


def test_a_message_in_pieces_is_one_message(chat: Protected) -> None:
    with talking(chat) as client:
        client.send(["a ", "word ", "in pieces"])
        assert client.recv(PATIENCE) == "a word in pieces"


def test_a_ping_is_answered_and_both_sides_may_leave(chat: Protected) -> None:
    with talking(chat) as client:
        assert client.ping().wait(PATIENCE)
        client.send("leave")
        with pytest.raises(ConnectionClosed) as left:
            client.recv(PATIENCE)

    assert left.value.rcvd is not None
    assert (left.value.rcvd.code, left.value.rcvd.reason) == (4001, "as you wish")


def test_a_websocket_that_the_policy_denies_is_none(chat: Protected) -> None:
    fields = (
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: " + "A" * 22 + "==",
    )

    with chat.wire() as wire:
        assert wire.ask(get("/refused", HOST, *fields)).verdict == (403, "rule-deny", "no-spies")


def _sending(source: Source) -> H2Origin:
    def reply(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [(":status", "200"), ("content-type", "text/event-stream")])
        talk.flush()
        for each in range(EVENTS):
            assert source.seen.get(timeout=PATIENCE) == each
            talk.data(number, event(each), end=each == EVENTS - 1)

    return H2Origin(reply=reply)


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
def test_events_pass_one_by_one(client: Version, upstream: Version, tmp_path: Path) -> None:
    """Each next one is sent only when the client has the last, so that nothing may be held back on the way."""
    source = Source(chunked=True)
    serve = _sending(source).serve if upstream == "h2" else source.serve
    with protected(tmp_path, upstream, serve=serve) as here:
        if client == "h1":
            with here.wire() as wire:
                received = watch(wire, get("/events", HOST, "Connection: close"), source)
        else:
            with here.talk() as talk:
                message = talk.messages[talk.head(asking(HOST, "/events"))]
                for number in range(EVENTS):
                    source.seen.put(number)
                    talk.until(partial(_has, message, event(number)))
                received = bytes(message.body)

    assert [event(number) in received for number in range(EVENTS)] == [True] * EVENTS


@pytest.mark.parametrize("upstream", ["h1", "h2"])
def test_httpx_hears_events_one_by_one_over_http_2(upstream: Version, tmp_path: Path) -> None:
    source = Source(chunked=True)
    serve = _sending(source).serve if upstream == "h2" else source.serve
    with (
        protected(tmp_path, upstream, serve=serve) as here,
        httpx.Client(http2=True, verify=here.ring.client()) as client,
    ):
        url, more = f"https://127.0.0.1:{here.gateway.reverse}/events", {"sni_hostname": HOST}
        with client.stream("GET", url, headers={"Host": HOST}, extensions=more) as answer:
            heard = []
            source.seen.put(0)
            for line in answer.iter_lines():
                if line.startswith("id: "):
                    heard.append(int(line.removeprefix("id: ")))
                    source.seen.put(heard[-1] + 1)

    assert (answer.http_version, heard) == ("HTTP/2", list(range(EVENTS)))


@pytest.mark.parametrize("version", ["1.1", "2"])
def test_curl_shows_early_hints_and_trailers(version: str, tmp_path: Path) -> None:
    with protected(tmp_path) as here:
        here.upstream.says = Said(interim=[(103, [("Link", "</a.css>")])], trailers=[("X-Sum", "1")])
        to = f"{HOST}:443:127.0.0.1:{here.gateway.reverse}"
        wanted = ("-H", "TE: trailers", "-H", "Connection: TE") if version == "1.1" else ()
        told = ("curl", "-sSi", f"--http{version}", "--cacert", str(here.ring.folder / "root.pem"), "--connect-to", to)
        said = subprocess.run((*told, *wanted, f"https://{HOST}/"), check=True, capture_output=True, text=True)

    before, _, after = said.stdout.replace("\r", "").lower().partition("\n\n")
    assert before.startswith(f"http/{version} 103")
    assert "\nlink: </a.css>" in before
    assert after.startswith(f"http/{version} 200")
    assert "x-sum: 1" in after.partition("hello")[2]


def _has(message: Message, piece: bytes) -> bool:
    return piece in message.body


@pytest.mark.parametrize("client", ["h1", "h2"])
def test_a_client_that_does_not_read_holds_the_origin_back(client: Version, tmp_path: Path) -> None:
    bulk = Bulk()
    with protected(tmp_path, serve=bulk.serve) as here:
        if client == "h1":
            with here.wire() as wire:
                wire.send(get("/large", HOST))
                assert wire.interim() == 200
                until(partial(here.gateway.call, partial(is_held, here.gateway, Server)), "the origin is read on")
                assert bulk.sent < ALL // 2
                got = len(wire.buffer)
                while got < ALL:
                    got += len(wire.socket.recv(262144))
        else:
            with here.talk() as talk:
                talk.auto = False
                message = talk.messages[talk.head(asking(HOST, "/large"))]
                until(partial(here.gateway.call, partial(is_held, here.gateway, Server)), "the origin is read on")
                assert bulk.sent < ALL // 2
                talk.until(lambda: len(message.body) >= talk.h2.local_settings.initial_window_size)
                talk.auto = True
                talk.h2.acknowledge_received_data(len(message.body), 1)
                talk.flush()
                talk.until(lambda: message.whole)
                got = len(message.body)

    assert (got, bulk.sent) == (ALL, ALL)


def test_an_origin_that_does_not_read_holds_a_client_of_http_1_back(tmp_path: Path) -> None:
    bulk, sent = Bulk(), [0]
    bulk.may_take.clear()
    with protected(tmp_path, serve=bulk.serve, limits=LARGE) as here, here.wire() as wire:
        sending = threading.Thread(target=_upload, args=(wire, sent))
        sending.start()
        until(partial(here.gateway.call, partial(is_held, here.gateway, Client)), "the client is read on")
        assert sent[0] < ALL // 2
        bulk.may_take.set()
        sending.join(PATIENCE)
        assert wire.answer().status == 200

    assert (sent[0], bulk.taken) == (ALL, ALL)


def _upload(wire: Wire, sent: list[int]) -> None:
    wire.send(get("/", HOST, f"Content-Length: {ALL}", method="PUT"))
    for _ in range(PIECES):
        wire.send(PIECE)
        sent[0] += len(PIECE)


def test_an_origin_that_does_not_read_holds_a_stream_of_http_2_back_and_no_other(tmp_path: Path) -> None:
    bulk = Bulk()
    bulk.may_take.clear()
    with protected(tmp_path, serve=bulk.serve, limits=LARGE) as here, here.talk() as talk:
        number = talk.head(asking(HOST, "/", ("content-length", str(ALL)), method="PUT"), end=False)
        sent = _until_shut(talk, number)
        assert sent < ALL // 2
        assert talk.whole(talk.head(asking(HOST, "/"))).status == 200
        bulk.may_take.set()
        talk.data(number, bytes(ALL - sent), end=True)
        assert talk.whole(number).status == 200

    assert bulk.taken == ALL


def _until_shut(talk: Talk, number: int) -> int:
    """Send as long as the window lets us, and until a question behind it is answered and has opened no more."""
    sent = 0
    while True:
        while (room := min(talk.h2.local_flow_control_window(number), talk.h2.max_outbound_frame_size)) > 0:
            talk.h2.send_data(number, PIECE[:room])
            sent += room
            talk.flush()
            if sent > ALL // 2:
                return sent
        assert talk.whole(talk.head(asking(HOST, "/"))).status == 200
        if talk.h2.local_flow_control_window(number) <= 0:
            return sent
