"""A refresh in the background goes to its server as every request does: over TLS that is verified, or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.config.settings import CacheSettings, RouteSettings
from tests.e2e import origin as origins
from tests.e2e.cached import SMALL, Shop
from tests.e2e.commands import until
from tests.e2e.gateways import Scenery, serving

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

STALE = (
    b"HTTP/1.1 200 OK\r\nCache-Control: max-age=0, stale-while-revalidate=60\r\n"
    b'ETag: "a"\r\nContent-Length: 4\r\n\r\nkept'
)
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'


@pytest.mark.parametrize(("is_itself", "end"), [(True, (304, "refreshed")), (False, (None, "refresh-failed"))])
def test_who_is_asked_in_the_background_has_to_prove_who_it_is(
    *, is_itself: bool, end: tuple[int | None, str], tmp_path: Path
) -> None:
    identity = origins.identity_for(tmp_path, "origin.example")
    routes = (RouteSettings(upstream="app", cache=CacheSettings(size=16 * SMALL, largest=SMALL)),)
    with origins.origin(tls=identity.context) as behind:
        scenery = Scenery(folder=tmp_path, origin=behind.port, scheme="https", trust=identity.authority, routes=routes)
        with serving(scenery) as gateway:
            front = Shop(gateway, behind, lambda request: UNCHANGED if b"If-None-Match" in request else STALE)
            behind.serve = front.serve
            front.ask("/x")
            if not is_itself:
                (tmp_path / "later").mkdir()
                origins.identity_for(tmp_path / "later", "origin.example")  # of an authority that nobody knows
                identity.context.load_cert_chain(tmp_path / "later" / "server.pem")
            stale = front.ask("/x")
            until(lambda: _ends(gateway.records())[-1:] == [end], f"it never ended so: {_ends(gateway.records())}")

    assert (stale.status, stale.body) == (200, b"kept")
    assert len(front.requests) == (2 if is_itself else 1)


def _ends(records: list[dict[str, object]]) -> list[tuple[object, object]]:
    return [(each["status"], each.get("cache")) for each in records if each["event"] == "end"]
