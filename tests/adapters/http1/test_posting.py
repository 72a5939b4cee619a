"""Requests with bodies on the straight way: from end to end, in one piece or in two, and never where it may not go."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from addons.http1.posting import Posting
from tests.e2e.commands import until
from tests.e2e.gateways import Scenery, Wire, serving
from tests.e2e.origin import client, identity_for, origin, read_answer, status_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

HEAD = b"POST /in HTTP/1.1\r\nHost: shop.example\r\nContent-Length: 5\r\n\r\n"

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module", params=["http", "https"])
def standing(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Wire]:
    folder = tmp_path_factory.mktemp("posting")
    identity = identity_for(folder, "origin.example") if request.param == "https" else None
    with origin(tls=None if identity is None else identity.context) as served:
        scenery = Scenery(folder=folder, origin=served.port, scheme=request.param)
        scenery.trust = None if identity is None else identity.authority
        with serving(scenery) as gateway:
            yield Wire(gateway, served)


@dataclass
class Steps:
    """Which steps were taken, in their order."""

    taken: list[str] = field(default_factory=list)

    def seen(self, name: str, step: Callable[..., Any]) -> Callable[..., Any]:
        def taking(*asked: Any) -> Any:
            done = step(*asked)
            if done is not None:
                self.taken.append(name)
            return done

        return taking


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    seen = Steps()
    for name in ("head_judged", "more", "whole"):
        monkeypatch.setattr(Posting, name, seen.seen(name, getattr(Posting, name)))
    return seen


@pytest.mark.parametrize("apart", [0, 2, 5])
def test_a_body_goes_the_straight_way_from_end_to_end(apart: int, standing: Wire, steps: Steps) -> None:
    wire, data = standing.fresh(), HEAD + b"12345"
    with client(wire.gateway.reverse) as connection:
        connection.sendall(HEAD + b"first")
        assert status_of(read_answer(connection)) == 200
        steps.taken.clear()
        connection.sendall(data[: len(data) - apart])
        if apart:
            until(lambda: steps.taken == ["head_judged"], "the head was not taken")
            connection.sendall(data[len(data) - apart :])
        assert status_of(read_answer(connection)) == 200

    assert steps.taken == (["head_judged", "whole", "more"] if apart else ["head_judged", "whole"])
    assert len(wire.origin.visits) == 1
    assert bytes(wire.origin.visits[0].data).endswith(b"12345")


def test_without_a_connection_that_stands_a_body_goes_the_long_way(standing: Wire, steps: Steps) -> None:
    wire = standing.fresh()
    with client(wire.gateway.reverse) as connection:
        connection.sendall(HEAD + b"12345")
        assert status_of(read_answer(connection)) == 200

    assert "head_judged" not in steps.taken
    assert bytes(wire.origin.visits[0].data).endswith(b"12345")
