"""No way around: everything that somebody might try on a forward proxy, and what must come of it, over real sockets.

A refused row proves more than its status: no origin saw a byte, nothing was dialled, nobody was asked for a name (but
where the row says so), and the trail holds exactly the decisions that are wanted, each with one end.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.model import Reason
from tests.conformance.acting import Client, pieces_of
from tests.conformance.table import Row, subjects, wire
from tests.conformance.watched import OPEN, Watched, watched
from tests.e2e.trail import check_exchanges

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.conformance.table import Reach, Want
    from tests.e2e.wire import Answer

pytestmark = [pytest.mark.e2e, pytest.mark.xdist_group("conformance-forward")]

ALERT = re.compile(rb"(\x15\x03.\x00\x02..)?", re.DOTALL)
"""What a connection may still say at its end: nothing, or that its handshake failed (RFC 8446 section 6)."""

ROWS = [row for subject in subjects() for row in subject.rows]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watched(tmp_path_factory.mktemp("conformance")) as found:
        yield found


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_there_is_no_way_around(row: Row, place: Watched) -> None:
    place.forget(*([] if row.answer is None else [_filled(row.answer, place)]))
    clients = [_acted(row, place, split) for split in _splits(row, place)]

    records = place.settled()
    _check_answers(row, clients)
    _check_records(row, clients, records)
    _check_reach(row, place, len(clients))


def _splits(row: Row, place: Watched) -> list[int] | list[None]:
    return list(range(1, pieces_of(row, place))) if row.every_split else [None]


def _acted(row: Row, place: Watched, split: int | None) -> Client:
    client = Client(row, place, split)
    client.act()
    return client


def _check_answers(row: Row, clients: list[Client]) -> None:
    """Every answer is the wanted one, and nothing came behind the last."""
    for client in clients:
        answered = [want for want in row.wants if want.status is not None]
        said = [_said(answer, want) for answer, want in zip(client.answers, answered, strict=True)]
        assert said == [_wanted(want) for want in answered]
        assert ALERT.fullmatch(client.rest)
        got = str([(each.status, each.fields, each.body) for each in client.answers])
        assert [piece for piece in row.gets.has if piece not in got] == []
        assert [piece for piece in row.gets.lacks if piece.lower() in got.lower()] == []


def _wanted(want: Want) -> tuple[int | None, str | None, str | None]:
    if want.allowed and want.end is None:
        return want.status, None, None
    return want.status, want.end or want.reason, want.rule


def _said(answer: Answer, want: Want) -> tuple[int, str | None, str | None]:
    """What an answer says of itself; an origin's, and a page of the gateway, say nothing of a refusal."""
    if answer.get("wicketgate-decision") is None or want.reason is Reason.OWN_PAGE:
        return answer.status, None, None
    if not answer.body:
        told = answer.get("proxy-status") or ""
        return answer.status, told.partition('details="')[2].rstrip('"'), None
    return answer.status, answer.problem["reason"], answer.problem.get("rule")


def _check_records(row: Row, clients: list[Client], records: list[dict[str, Any]]) -> None:
    """Exactly the wanted decisions stand in the trail, in order, each with one end that says the same."""
    check_exchanges(records)
    assert {record["listener"] for record in records if "listener" in record} <= {row.policy}
    decided = [record for record in records if record["event"] == "decision"]
    ends = {record["id"]: record for record in records if record["event"] == "end"}
    assert len(records) == len(decided) + len(ends), "something else was recorded"
    found = [
        (
            ends[each["id"]]["status"],
            each["decision"]["verdict"],
            each["decision"]["reason"],
            each["decision"]["rule"],
            ends[each["id"]].get("reason"),
        )
        for each in decided
    ]
    wanted = [
        (want.status, "allow" if want.allowed else "deny", want.reason, None if want.end else want.rule, want.end)
        for want in row.wants
    ]
    assert found == wanted * len(clients)
    told = {answer.get("wicketgate-decision") for client in clients for answer in client.answers} - {None}
    assert told <= set(ends), "a decision id that is not in the trail"


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
    assert heads == [_filled(line, place) for line in reach.requests]
    received = b"".join(origin.received for origin in got)
    assert [piece for piece in reach.has if _filled(piece, place) not in received] == []
    assert [piece for piece in reach.lacks if _filled(piece, place).lower() in received.lower()] == []


def _filled(text: str, place: Watched) -> bytes:
    for word, meaning in place.told.items():
        text = text.replace(word, meaning)
    return wire(text)
