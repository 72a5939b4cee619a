"""Upstream connections are used again while they stand, and forgotten when they do not."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.e2e.origin import HELLO, client, read_answer, status_of

if TYPE_CHECKING:
    from tests.e2e.gateways import Wire

HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def test_many_exchanges_on_one_connection_use_one_upstream_connection(wire: Wire) -> None:
    gateway, origin = wire.gateway, wire.origin

    with client(gateway.reverse) as connection:
        for _ in range(20):
            connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
            assert status_of(read_answer(connection)) == 200

    assert len(origin.visits) == 1


def test_an_upstream_that_closes_after_each_answer_is_dialled_again_and_forgotten(
    wire: Wire,
) -> None:
    gateway, origin = wire.gateway, wire.origin
    origin.answer = HELLO.replace(b"X-Origin", b"Connection: close\r\nX-Origin")

    with client(gateway.reverse) as connection:
        for _ in range(20):
            connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
            assert status_of(read_answer(connection)) == 200
        (handler,) = gateway.call(lambda: list(gateway.engine.served))
        kept = gateway.call(lambda: len(handler.layer.connections))  # type: ignore[attr-defined]  # the HTTP layer

    assert len(origin.visits) == 20
    assert kept <= 3
