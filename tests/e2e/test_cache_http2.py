"""The cache in front of an origin that speaks HTTP/2, where a 304 may end with its head or behind it."""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import CacheSettings, RouteSettings
from tests.e2e import origin as origins
from tests.e2e.cached import SMALL, Shop
from tests.e2e.gateways import Scenery, serving
from tests.e2e.h2wire import H2Origin

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.h2wire import Message, Talk

pytestmark = pytest.mark.e2e


@pytest.fixture
def many() -> H2Origin:
    return H2Origin()


@pytest.fixture
def front(tmp_path: Path, many: H2Origin) -> Iterator[Shop]:
    identity = origins.identity_for(tmp_path, "origin.example")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "server.pem")
    context.set_alpn_protocols(["h2"])
    routes = (RouteSettings(upstream="app", cache=CacheSettings(size=16 * SMALL, largest=SMALL)),)
    with origins.origin(serve=many.serve, tls=context) as behind:
        scenery = Scenery(folder=tmp_path, origin=behind.port, scheme="https", trust=identity.authority, routes=routes)
        with serving(scenery) as gateway:
            yield Shop(gateway, behind)


def asks_whether(message: Message) -> bool:
    return any(name in {b"if-none-match", "if-none-match"} for name, _ in message.fields)


@pytest.mark.parametrize("ends_with_head", [True, False])
def test_what_came_over_http2_is_kept_and_confirmed(front: Shop, many: H2Origin, *, ends_with_head: bool) -> None:
    def reply(talk: Talk, stream_id: int, message: Message) -> None:
        if not asks_whether(message):
            fields = [(":status", "200"), ("cache-control", "max-age=0"), ("etag", '"a"')]
            talk.h2.send_headers(stream_id, fields)
            talk.data(stream_id, b"kept", end=True)
            return
        talk.h2.send_headers(stream_id, [(":status", "304"), ("etag", '"a"')], end_stream=ends_with_head)
        if not ends_with_head:
            talk.data(stream_id, b"", end=True)

    many.reply = reply
    answers = front.asks("/x", times=3)

    assert [(each.status, each.body, each.get("content-length")) for each in answers[1:]] == [(200, b"kept", "4")] * 2
    assert [each.get("cache-status") for each in answers[1:]] == ["gateway; fwd=stale; fwd-status=304"] * 2
    assert [asks_whether(each) for each in many.messages] == [False, True, True]


def test_a_stream_that_is_reset_leaves_nothing(front: Shop, many: H2Origin) -> None:
    def reply(talk: Talk, stream_id: int, _message: Message) -> None:
        talk.h2.send_headers(stream_id, [(":status", "200"), ("cache-control", "max-age=60")])
        talk.data(stream_id, b"half")
        talk.h2.reset_stream(stream_id)

    many.reply = reply
    with origins.client(front.gateway.reverse) as connection:
        connection.sendall(b"GET /x HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n\r\n")
        origins.read_all(connection)

    assert front.gateway.engine.caches.size == 0
