"""What a backend may rely on: everything that somebody might try on a reverse gateway, over real sockets and backends.

A refused row proves more than its status: the backend itself saw no request. What passed arrived byte for byte as it
was judged. Behind every row two requests more are sent, on its connection and on another one: each gets its own
answer or, on a connection that has ended, none at all, so that nothing is left over anywhere to be taken for theirs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.conformance.acting import Client, pieces_of
from tests.conformance.application import ADMIN
from tests.conformance.backends import MARKER, Seen
from tests.conformance.checks import check_answers, check_records, filled
from tests.conformance.guarded import FACES, Guarded, guarded
from tests.conformance.table import REVERSE, Row, subjects
from tests.e2e.wire import Answer, connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

HOST = "shop.example"

ROWS = [row for subject in subjects(REVERSE) for row in subject.rows]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guarded]:
    with guarded(tmp_path_factory.mktemp("reverse")) as found:
        yield found


@pytest.mark.parametrize("row", ROWS, ids=[row.name for row in ROWS])
def test_a_backend_gets_what_was_judged_and_nothing_else(row: Row, place: Guarded) -> None:
    place.forget(None if row.answer is None else filled(row.answer, place), closes=row.closes)
    clients, marked = [], []
    for split in range(1, pieces_of(row, place)) if row.every_split else [None]:
        client = _acted(row, place, split)
        clients.append(client)
        marked += [each for each in (client.marker, _other(row, place)) if each is not None]

    records = place.settled()
    seen = place.seen(str(row.backend))
    check_answers(row, clients)
    check_records(row, clients, [record for record in records if record["id"] not in _ids_of_markers(records)])
    _check_reach(row, place, seen, clients)
    _check_markers(seen, marked, clients)


def _acted(row: Row, place: Guarded, split: int | None) -> Client:
    client = Client(row, place, split, marker=_marker(place) if row.is_marked else None)
    client.act()
    return client


def _marker(place: Guarded) -> bytes:
    place.asked += 1
    return get(f"{MARKER}{place.asked}", HOST)


def _other(row: Row, place: Guarded) -> bytes:
    """Ask on another connection, which has to be answered."""
    marker = _marker(place)
    with connect(place.ports[row.listener]) as wire:
        _check_own(marker, wire.ask(marker))
    return marker


def _target(marker: bytes) -> str:
    return marker.split(b" ")[1].decode()


def _check_own(marker: bytes, answer: Answer) -> None:
    assert answer.status == 200, (answer.status, answer.body)
    assert any(each in answer.body for each in (f"={_target(marker)}\n".encode(), f'"{_target(marker)}"'.encode())) or (
        answer.body == _target(marker).encode()
    ), "the answer to another request"


def _check_markers(seen: list[Seen], marked: list[bytes], clients: list[Client]) -> None:
    """Each marker that was answered got its own answer, and arrived once; one without an answer never arrived."""
    for client in clients:
        if client.marker is not None and client.marked is not None:
            _check_own(client.marker, client.marked)
    silent = [client.marker for client in clients if client.marker is not None and client.marked is None]
    answered = [f"GET {_target(each)} HTTP/1.1" for each in marked if each not in silent]
    assert answered == [each.line for each in _of_markers(seen)]


def _of_markers(seen: list[Seen]) -> list[Seen]:
    return sorted(
        (each for each in seen if MARKER in each.line), key=lambda each: int(each.line.split("/")[2].split()[0])
    )


def _ids_of_markers(records: list[dict[str, object]]) -> set[object]:
    return {record["id"] for record in records if MARKER in str(record.get("request", ""))}


def _check_reach(row: Row, place: Guarded, seen: list[Seen], clients: list[Client]) -> None:
    """What is refused arrived nowhere and dialled nothing; what passed arrived at its backend, as it was judged."""
    got = [each for each in seen if MARKER not in each.line]
    if FACES[row.policy].policy == "guarded":
        assert [each for each in got if each.page == ADMIN] == [], "the administration was reached"
    if row.reaches is None:
        assert (got, place.recorder.received) == ([], b"")
        answered = len(clients) + sum(client.marked is not None for client in clients)
        assert len(place.witness.dials) <= answered, "something was dialled for it"
        return
    assert [each.line for each in got] == [filled(line, place).decode("latin-1") for line in row.reaches.requests]
    text = (
        place.recorder.received if row.backend == "recorder" else "".join(each.text for each in got).encode("latin-1")
    )
    assert [piece for piece in row.reaches.has if filled(piece, place) not in text] == []
    assert [piece for piece in row.reaches.lacks if filled(piece, place).lower() in text.lower()] == []
