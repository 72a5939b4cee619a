from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from h2.errors import ErrorCodes
from h2.settings import SettingCodes

from addons.connections.bounds import Patience
from tests.e2e import origin as origins
from tests.e2e.commands import until
from tests.e2e.h2stage import Stage, staged
from tests.e2e.h2wire import Message, Talk, asking, hello

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.e2e.h2wire import Fields

pytestmark = pytest.mark.e2e

OK = (":status", "200")


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("origin-side"), patience=Patience(exchange=3.0)) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


ANSWERS: list[tuple[str, Fields, bytes]] = [
    ("no status", [("x", "y")], b""),
    ("a status that is none", [(":status", "2000")], b""),
    ("a switch", [(":status", "101")], b""),
    ("a pseudo-field of requests", [OK, (":path", "/")], b""),
    ("upper case", [OK, ("X-Upper", "y")], b""),
    ("a connection", [OK, ("connection", "close")], b""),
    ("chunks", [OK, ("transfer-encoding", "chunked")], b""),
    ("a line feed", [OK, ("x", "a\nb")], b""),
    ("two lengths", [OK, ("content-length", "1"), ("content-length", "2")], b"a"),
]


@pytest.mark.parametrize(("why", "fields", "body"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_an_answer_that_may_not_be_is_a_502_and_breaks_no_other_stream(
    why: str, fields: Fields, body: bytes, stage: Stage
) -> None:
    def reply(talk: Talk, number: int, message: Message) -> None:
        if message.get(":path") == "/bad":
            talk.h2.send_headers(number, fields)
            talk.data(number, body, end=True)
        else:
            hello(talk, number, message)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        bad = talk.whole(talk.head(asking(stage.host(h2=True), "/bad")))
        good = talk.whole(talk.head(asking(stage.host(h2=True), "/good")))

    assert (why, bad.status, json.loads(bad.body)["reason"]) == (why, 502, "upstream-broken")
    assert good.status == 200


@pytest.mark.parametrize(("length", "sent"), [("9", b"hello"), ("3", b"hello")])
@pytest.mark.parametrize("h2", [True, False], ids=["h2-client", "h1-client"])
def test_an_answer_of_another_length_than_stated_is_never_whole(
    length: str, sent: bytes, stage: Stage, *, h2: bool
) -> None:
    def reply(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [OK, ("content-length", length)])
        talk.data(number, sent, end=True)

    stage.h2.reply = reply
    if h2:
        with stage.talk(h2=True) as talk:
            answer = talk.whole(talk.head(asking(stage.host(h2=True))))
        assert not answer.whole
        assert answer.reset == ErrorCodes.INTERNAL_ERROR
        assert len(answer.body) < int(length)
    else:
        with stage.tls(h2=True) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: %s\r\n\r\n" % stage.host(h2=True).encode())
            answered = origins.read_all(wire)
        assert len(answered.partition(b"\r\n\r\n")[2]) < int(length)


def test_interim_answers_come_first_and_endless_ones_are_no_answer(stage: Stage) -> None:
    def reply(talk: Talk, number: int, message: Message) -> None:
        for _ in range(3 if message.get(":path") == "/few" else 100):
            talk.h2.send_headers(number, [(":status", "103"), ("link", "</a>")])
        hello(talk, number, message)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        few = talk.whole(talk.head(asking(stage.host(h2=True), "/few")))
        many = talk.whole(talk.head(asking(stage.host(h2=True), "/many")))

    assert (few.status, bytes(few.body), many.status) == (200, b"hello", 502)
    assert few.interim == [[(":status", "103"), ("link", "</a>")]] * 3
    assert len(many.interim) == 16


def test_an_answer_to_head_has_a_length_and_no_body(stage: Stage) -> None:
    def reply(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [OK, ("content-length", "5")], end_stream=True)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        answer = talk.whole(talk.head(asking(stage.host(h2=True), method="HEAD")))

    assert (answer.status, answer.get("content-length"), bytes(answer.body)) == (200, "5", b"")


def test_streams_wait_for_an_origin_that_takes_few(stage: Stage) -> None:
    most = [0]
    late: list[tuple[Talk, int]] = []

    def begun(talk: Talk, number: int, _message: Message) -> None:
        late.append((talk, number))
        most[0] = max(most[0], len(late))
        if len(late) == 2:
            for each, waiting in late:
                hello(each, waiting, Message())
            late.clear()

    stage.h2.at_head, stage.h2.reply = begun, lambda _talk, _number, _message: None
    stage.h2.settings = {SettingCodes.MAX_CONCURRENT_STREAMS: 2}
    try:
        with stage.talk(h2=True) as talk:
            talk.whole(talk.head(asking(stage.host(h2=True), "/refused")))
            numbers = [talk.head(asking(stage.host(h2=True), f"/{turn}")) for turn in range(2)]
            answers = [talk.whole(number) for number in numbers]
    finally:
        stage.h2.settings = {}

    assert [answer.status for answer in answers] == [200, 200]
    assert most == [2]


def test_an_origin_that_leaves_finishes_what_it_began_and_the_rest_goes_elsewhere(stage: Stage) -> None:
    def reply(talk: Talk, number: int, message: Message) -> None:
        if message.get(":path") == "/first":
            talk.leave(number)
        hello(talk, number, message)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        first = talk.whole(talk.head(asking(stage.host(h2=True), "/first")))
        second = talk.whole(talk.head(asking(stage.host(h2=True), "/second")))

    assert (first.status, second.status) == (200, 200)
    until(lambda: len(stage.h2.talks) == 2, "no second connection")


def test_a_client_that_gives_up_is_heard_at_the_origin(stage: Stage) -> None:
    stage.h2.reply = lambda _talk, _number, _message: None
    with stage.talk(h2=True) as talk:
        number = talk.head(asking(stage.host(h2=True), "/slow"))
        until(lambda: len(stage.h2.messages) == 1, "the request never came")
        talk.h2.reset_stream(number, ErrorCodes.CANCEL)
        talk.flush()
        until(lambda: stage.h2.messages[0].reset == ErrorCodes.CANCEL, "the origin was left waiting")


def test_trailers_pass_both_ways_without_what_may_not_stand_in_them(stage: Stage) -> None:
    def reply(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [OK])
        talk.data(number, b"x")
        forbidden = [("set-cookie", "a=b"), ("content-length", "9"), ("wicketgate-decision", "x"), ("alt-svc", "x")]
        talk.h2.send_headers(number, [("x-sum", "1"), *forbidden], end_stream=True)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        number = talk.head(asking(stage.host(h2=True), "/", ("te", "trailers"), method="POST"), end=False)
        talk.data(number, b"abc")
        talk.h2.send_headers(number, [("x-up", "1"), ("host", "other"), ("authorization", "x")], end_stream=True)
        talk.flush()
        answer = talk.whole(number)

    (asked,) = stage.h2.messages
    assert asked.get("te") == "trailers"
    assert (asked.trailers, answer.trailers) == ([("x-up", "1")], [("x-sum", "1")])


def test_an_origin_may_answer_and_end_before_it_got_everything(stage: Stage) -> None:
    stage.h2.at_head = hello
    with stage.talk(h2=True) as talk:
        number = talk.head(asking(stage.host(h2=True), "/up", method="POST"), end=False)
        talk.until(lambda: talk.messages[number].reset is not None)
        answer = talk.messages[number]

    assert (answer.status, bytes(answer.body), answer.reset) == (200, b"hello", ErrorCodes.NO_ERROR)
