"""Clients arrive within bounds, and leave with their answer."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.gateways import Scenery, serving
from tests.e2e.origin import ask, client, read_answer, status_of

if TYPE_CHECKING:
    from pathlib import Path

HOST = b"Host: shop.example\r\n"

pytestmark = pytest.mark.e2e


def test_connections_beyond_the_bound_of_a_client_are_turned_away(tmp_path: Path) -> None:
    limits = LimitSettings(connections_per_client=2)
    with origins.origin() as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, limits=limits)
        with serving(scenery) as gateway:
            with client(gateway.reverse) as one, client(gateway.reverse) as two:
                for connection in (one, two):
                    connection.sendall(b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")
                    assert status_of(read_answer(connection)) == 200
                with client(gateway.forward) as three:
                    assert status_of(read_answer(three)) == 503
                assert gateway.call(lambda: len(gateway.engine.connections)) <= 2
            deadline = time.monotonic() + 5
            while status_of(ask(gateway.reverse, b"GET /in HTTP/1.1\r\n" + HOST + b"\r\n")) != 200:
                assert time.monotonic() < deadline

    exchanges = gateway.exchanges()
    assert exchanges.count(("deny", "capacity")) == exchanges.count(("end", 503)) >= 1
