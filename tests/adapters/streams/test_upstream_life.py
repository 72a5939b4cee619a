from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from tests.e2e.gateways import Scenery, serving
from tests.e2e.origin import client, origin, read_answer, status_of

if TYPE_CHECKING:
    from pathlib import Path

    from mitmproxy.proxy.server_hooks import ServerConnectionHookData

pytestmark = pytest.mark.e2e

GET = b"GET /in HTTP/1.1\r\nHost: shop.example\r\n\r\n"


@dataclass
class Witness:
    """Hears what every addon hears of upstream connections."""

    heard: list[str] = field(default_factory=list)

    def server_connect(self, data: ServerConnectionHookData) -> None:
        self.heard.append(f"connect {data.server.connected}")

    def server_connected(self, data: ServerConnectionHookData) -> None:
        assert data.server.timestamp_start is not None
        assert data.server.timestamp_tcp_setup is not None
        assert data.server.peername is not None
        assert data.server.sockname is not None
        self.heard.append(f"connected {data.server.peername[0]}")

    def server_connect_error(self, data: ServerConnectionHookData) -> None:
        self.heard.append(f"error {data.server.error}")

    def server_disconnected(self, data: ServerConnectionHookData) -> None:
        assert data.server.timestamp_end is not None
        self.heard.append("disconnected")


def test_a_connection_is_told_of_in_order_and_used_for_many_requests(tmp_path: Path) -> None:
    witness = Witness()
    with origin() as served:
        scenery = Scenery(folder=tmp_path, origin=served.port, last=(witness,))
        with serving(scenery) as gateway, client(gateway.reverse) as connection:
            for _ in range(3):
                connection.sendall(GET)
                assert status_of(read_answer(connection)) == 200
        assert len(served.visits) == 1

    assert witness.heard == ["connect False", "connected 127.0.0.1", "disconnected"]


def test_a_connection_that_cannot_be_opened_is_told_of_and_answered(tmp_path: Path) -> None:
    witness = Witness()
    with origin() as gone:
        pass
    with (
        serving(Scenery(folder=tmp_path, origin=gone.port, last=(witness,))) as gateway,
        client(gateway.reverse) as connection,
    ):
        connection.sendall(GET)
        assert status_of(read_answer(connection)) == 502

    assert witness.heard == ["connect False", "error [Errno 111] no address could be reached"]
    ends = [record for record in gateway.records() if record["event"] == "end"]
    assert [end["decision"]["detail"] for end in ends] == ["Nobody listens at the destination."]
    assert [(end["reason"], end["destination"]) for end in ends] == [("upstream-refused", None)]
