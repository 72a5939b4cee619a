"""No way around: everything that somebody might try on a forward proxy, and what must come of it, over real sockets.

A refused row proves more than its status: no origin saw a byte, nothing was dialled, nobody was asked for a name (but
where the row says so), and the trail holds exactly the decisions that are wanted, each with one end.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.policy.model import Reason
from tests.conformance.acting import Client, pieces_of
from tests.conformance.checks import check_answers, check_records, filled
from tests.conformance.table import Row, subjects
from tests.conformance.watched import OPEN, Watched, watched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.table import Reach

pytestmark = pytest.mark.e2e

ROWS = [row for subject in subjects() for row in subject.rows]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("conformance")) as found:
        yield found


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_there_is_no_way_around(row: Row, place: Watched) -> None:
    place.forget(*([] if row.answer is None else [filled(row.answer, place)]))
    clients = [_acted(row, place, split) for split in _splits(row, place)]

    records = place.settled()
    check_answers(row, clients)
    check_records(row, clients, records)
    _check_reach(row, place, len(clients))


def _splits(row: Row, place: Watched) -> list[int] | list[None]:
    return list(range(1, pieces_of(row, place))) if row.every_split else [None]


def _acted(row: Row, place: Watched, split: int | None) -> Client:
    client = Client(row, place, split)
    client.act()
    return client


def _check_reach(row: Row, place: Watched, times: int) -> None:
    """What is refused reached nobody, dialled nothing, asked nobody; what is allowed reached the open address alone."""
    visited = {host for (host, _tls), origin in place.origins.items() if origin.visits}
    dialled = {dial.partition(" ")[0] for dial in place.witness.dials}
    assert place.witness.questions == []
    if row.asks is not None:
        assert list(row.asks) * times == place.resolver.asked
    if row.reaches is None:
        assert visited == set()
        may_dial = any(want.allowed and want.reason is not Reason.OWN_PAGE for want in row.wants)
        assert dialled <= ({OPEN} if may_dial else set())
    else:
        assert visited == dialled == {OPEN} or (visited | dialled <= {OPEN} and not row.reaches.requests)
        _check_received(row.reaches, place)


def _check_received(reach: Reach, place: Watched) -> None:
    got = [place.origins[OPEN, tls] for tls in (False, True)]
    heads = [request.split(b"\r\n")[0] for origin in got for request in origin.requests]
    assert heads == [filled(line, place) for line in reach.requests]
    received = b"".join(origin.received for origin in got)
    assert [piece for piece in reach.has if filled(piece, place) not in received] == []
    assert [piece for piece in reach.lacks if filled(piece, place).lower() in received.lower()] == []
