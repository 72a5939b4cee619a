from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.connections.bounds import Patience
from addons.streams.upstreams import MOST
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.h2stage import Stage, staged
from tests.e2e.h2wire import asking

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("upstreams"), patience=Patience(exchange=2.0)) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


def test_an_idle_connection_of_http1_is_used_again(stage: Stage) -> None:
    with stage.talk() as talk:
        for turn in range(5):
            assert talk.whole(talk.head(asking(stage.host(), f"/{turn}"))).status == 200

    assert len(stage.h1.visits) == 1


def test_a_connection_on_which_something_lies_that_nobody_asked_for_is_not_used_again(stage: Stage) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        connection.sendall(origins.HELLO + b"HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\npoison!")
        while origins.read_request(connection, visit):
            connection.sendall(origins.HELLO)

    stage.h1.serve = serve
    with stage.talk() as talk:
        answers = [talk.whole(talk.head(asking(stage.host(), f"/{turn}"))) for turn in range(3)]

    assert {bytes(answer.body) for answer in answers} == {b"hello"}
    assert len(stage.h1.visits) == 3


def test_more_requests_than_connections_wait_for_their_turn(stage: Stage) -> None:
    held: list[socket.socket] = []

    def serve(connection: socket.socket, visit: Visit) -> None:
        while origins.read_request(connection, visit):
            held.append(connection)
            if len(held) == MOST:
                for each in held:
                    each.sendall(origins.HELLO)
            elif len(held) > MOST:
                connection.sendall(origins.HELLO)

    stage.h1.serve = serve
    with stage.talk() as talk:
        numbers = [talk.head(asking(stage.host(), f"/{turn}")) for turn in range(2 * MOST)]
        answers = [talk.whole(number) for number in numbers]

    assert {answer.status for answer in answers} == {200}
    assert len(stage.h1.visits) == MOST


def test_whoever_gave_up_while_waiting_reaches_no_origin(stage: Stage) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        while origins.read_request(connection, visit):
            visit.closed.wait(0.3)
            connection.sendall(origins.HELLO)

    stage.h1.serve = serve
    with stage.talk() as talk:
        numbers = [talk.head(asking(stage.host(), f"/run-{turn}")) for turn in range(MOST)]
        until(lambda: len(stage.h1.visits) == MOST, "the connections never came")
        gone = talk.head(asking(stage.host(), "/gone"))
        talk.h2.reset_stream(gone)
        talk.flush()
        answers = [talk.whole(number) for number in numbers]

    assert {answer.status for answer in answers} == {200}
    assert b"/gone" not in b"".join(bytes(visit.data) for visit in stage.h1.visits)


def test_every_request_of_a_burst_shares_the_one_connection_that_it_was_judged_for(stage: Stage) -> None:
    start = stage.settled()
    with stage.talk(h2=True) as talk:
        numbers = [talk.head(asking(stage.host(h2=True), f"/{turn}")) for turn in range(8)]
        answers = [talk.whole(number) for number in numbers]

    assert {answer.status for answer in answers} == {200}
    assert len(stage.h2.talks) == 1
    until(lambda: len(stage.gateway.records()) >= start + 16, "the records never came")
    said = [each for each in stage.gateway.records()[start:] if each["event"] == "decision"]
    assert [each["destination"]["ip"] for each in said] == ["127.0.0.1"] * 8


def test_an_origin_that_cannot_be_reached_fails_every_request_that_waited_for_it(stage: Stage) -> None:
    stage.h1.serve = lambda connection, _visit: connection.close()
    with stage.talk() as talk:
        numbers = [talk.head(asking(stage.host(), f"/{turn}")) for turn in range(3)]
        answers = [talk.whole(number) for number in numbers]

    assert [answer.status for answer in answers] == [502] * 3
