"""What a server failed another one does, as long as nobody can be harmed by it and the client has seen nothing yet."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from addons.connections.bounds import Bounds, Patience
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import PoolRules
from tests.e2e.commands import until
from tests.e2e.origin import Visit, read_request
from tests.e2e.pooled import HOST, Pooled, answering, pooled
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

LENIENT: Final = OutlierRules(failures=1000)
RULES: Final = PoolRules(outliers=LENIENT, retries=RetryRules(most=2, budget=1.0))
BODY: Final = b"x" * 10


@pytest.fixture
def two(tmp_path: Path) -> Iterator[Pooled]:
    """Two servers, of which nobody is ever spared; the first one is asked first."""
    with pooled(tmp_path, RULES, bounds=Bounds(patience=Patience(exchange=0.8))) as here:
        yield here


def hang_up(connection: socket.socket, visit: Visit) -> None:
    """Read a request and answer nothing."""
    read_request(connection, visit)


def say_garbage(connection: socket.socket, visit: Visit) -> None:
    """Answer with what is no HTTP."""
    read_request(connection, visit)
    connection.sendall(b"gArBaGe\r\n\r\ngArBaGe")


def break_off(connection: socket.socket, visit: Visit) -> None:
    """Begin an answer, and leave."""
    read_request(connection, visit)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\nX-Origin: 0\r\n\r\nhalf")


def begin_a_head(connection: socket.socket, visit: Visit) -> None:
    """Say one line of a head, and leave."""
    read_request(connection, visit)
    connection.sendall(b"HTTP/1.1 200 OK\r\n")


def be_overloaded(connection: socket.socket, visit: Visit) -> None:
    """Answer a head without waiting for its body."""
    while b"\r\n\r\n" not in visit.data:
        visit.data += connection.recv(1024)
    connection.sendall(answering(0, "503 Service Unavailable"))


def say_nothing(connection: socket.socket, visit: Visit) -> None:
    """Keep the connection, and wait for its end."""
    while read_request(connection, visit):
        pass


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE", "PATCH"])
def test_a_server_that_cannot_be_reached_is_no_failed_request(method: str, tmp_path: Path) -> None:
    with pooled(tmp_path, RULES, origins=1, dead=2) as here:
        answers = [here.ask(method=method, body=BODY if method in {"POST", "PATCH"} else b"") for _ in range(3)]

    assert [(each.status, each.get("x-origin")) for each in answers] == [(200, "0")] * 3
    reasons = {attempt["reason"] for end in here.ends() for attempt in end["upstream"]["attempts"]}
    assert reasons == {"upstream-refused"}
    assert [record[0] for record in here.gateway.exchanges()].count("allow") == 3
    if method == "POST":
        assert here.origins[0].received.count(BODY) == 3


@pytest.mark.parametrize("method", ["GET", "HEAD", "DELETE", "OPTIONS"])
def test_what_may_be_done_twice_is_asked_of_another_when_one_hangs_up(method: str, two: Pooled) -> None:
    two.origins[0].serve = hang_up

    answers = [two.ask(method=method) for _ in range(2)]

    assert [each.get("x-origin") for each in answers] == ["1", "1"]
    assert two.origins[0].received.count(method.encode()) == 1
    assert two.origins[1].received.count(method.encode()) == 2


def test_a_post_that_may_have_been_done_is_not_done_again(two: Pooled) -> None:
    two.origins[0].serve = hang_up

    answer = two.ask(method="POST", body=BODY)

    assert answer.verdict[:2] == (502, "upstream-broken")
    assert BODY not in two.origins[1].received


def test_a_put_whose_body_has_left_is_not_sent_again(two: Pooled) -> None:
    two.origins[0].serve = hang_up

    assert two.ask(method="PUT", body=BODY).verdict[:2] == (502, "upstream-broken")
    assert two.origins[1].visits == []


def test_a_put_whose_body_has_not_begun_goes_elsewhere_whole(two: Pooled) -> None:
    two.origins[0].serve = be_overloaded
    request = get("/", HOST, method="PUT", body=BODY)

    with connect(two.gateway.reverse) as wire:
        wire.send(request[: -len(BODY)])
        until(lambda: b"PUT" in two.origins[1].received, "nobody else was asked")
        wire.send(BODY)
        answer = wire.answer()

    assert answer.get("x-origin") == "1"
    assert two.origins[1].received.endswith(b"\r\n\r\n" + BODY)
    assert BODY not in two.origins[0].received


@pytest.mark.parametrize("status", ["502 Bad Gateway", "503 Service Unavailable", "504 Gateway Timeout"])
def test_an_overloaded_server_is_spared_by_asking_another(status: str, two: Pooled) -> None:
    two.origins[0].answer = answering(0, status)

    assert [two.ask().get("x-origin") for _ in range(2)] == ["1", "1"]


def test_its_answer_stands_where_nobody_else_can_give_one(two: Pooled) -> None:
    for number, each in enumerate(two.origins):
        each.answer = answering(number, "503 Service Unavailable")

    answer = two.ask()

    assert (answer.status, answer.body) == (503, b"hello")
    assert sum(len(each.visits) for each in two.origins) == 2


@pytest.mark.parametrize("status", ["500 Internal Server Error", "404 Not Found", "429 Too Many Requests"])
def test_other_answers_are_answers(status: str, two: Pooled) -> None:
    two.origins[0].answer = answering(0, status)

    assert {two.ask().get("x-origin") for _ in range(2)} == {"0", "1"}


def test_a_large_answer_that_is_dropped_leaves_nothing_behind(two: Pooled) -> None:
    body = b"z" * 200_000
    head = f"HTTP/1.1 503 No\r\nContent-Length: {len(body)}\r\nX-Origin: 0\r\n\r\n".encode()
    two.origins[0].answer = head + body

    with connect(two.gateway.reverse) as wire:
        answers = [wire.ask(get("/", HOST)) for _ in range(4)]

    assert [(each.status, each.body) for each in answers] == [(200, b"hello")] * 4


def test_of_garbage_not_a_byte_passes_and_nobody_else_is_asked(two: Pooled) -> None:
    two.origins[0].serve = say_garbage

    answer = two.ask()

    assert answer.verdict[:2] == (502, "upstream-broken")
    assert b"gArBaGe" not in answer.body
    assert two.origins[1].visits == []


def test_half_a_head_is_an_answer_that_broke(two: Pooled) -> None:
    two.origins[0].serve = begin_a_head

    assert two.ask().verdict[:2] == (502, "upstream-broken")
    assert two.origins[1].visits == []


def test_nothing_is_tried_again_once_a_byte_went_to_the_client(two: Pooled) -> None:
    two.origins[0].serve = break_off

    with connect(two.gateway.reverse) as wire:
        wire.send(get("/", HOST))
        said = wire.rest()

    assert said.startswith(b"HTTP/1.1 200 OK")
    assert said.endswith(b"half")
    assert two.origins[1].visits == []


def test_a_silent_server_is_a_timeout_and_not_two(two: Pooled) -> None:
    two.origins[0].serve = say_nothing

    assert two.ask().verdict[:2] == (504, "upstream-timeout")
    assert two.origins[1].visits == []


def test_one_request_tries_so_many_others_and_no_more(tmp_path: Path) -> None:
    rules = replace(RULES, retries=RetryRules(most=1, budget=1.0))
    with pooled(tmp_path, rules, origins=1, dead=3) as here:
        statuses = {here.ask().status for _ in range(4)}

    assert statuses == {200, 502}
    assert max(len(end["upstream"]["attempts"]) for end in here.ends()) == 1


def test_a_pool_that_fails_is_not_asked_for_more_than_its_share(tmp_path: Path) -> None:
    rules = replace(RULES, retries=RetryRules(most=2, budget=0.0))
    with pooled(tmp_path, rules, origins=2) as here:
        for each in here.origins:
            each.serve = hang_up
        statuses = [here.ask().status for _ in range(10)]

    assert set(statuses) == {502}
    assert sum(len(each.visits) for each in here.origins) == 10 + 3


def test_the_record_names_the_server_and_those_that_failed_before(two: Pooled) -> None:
    two.origins[0].serve = hang_up
    two.ask()
    two.gateway.engine.writer.close()

    (end,) = two.ends()
    urls = [f"http://origin.example:{each.port}" for each in two.origins]
    assert end["upstream"] == {
        "name": "app",
        "server": urls[1],
        "attempts": [{"server": urls[0], "reason": "upstream-broken"}],
    }
    assert (end["status"], end["reason"]) == (200, None)
