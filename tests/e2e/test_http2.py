"""HTTP/2 with clients and with origins, in all four combinations, under one policy and into one log."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING

import httpx
import pytest
from h2.errors import ErrorCodes

from addons.connections.bounds import Patience
from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.h2stage import HOST, Stage, staged
from tests.e2e.h2wire import Message, Talk, asking

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

LARGE = b"0123456789abcdef" * 65536


@pytest.fixture(scope="module")
def standing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with staged(tmp_path_factory.mktemp("http2"), patience=Patience(exchange=1.5)) as stage:
        yield stage


@pytest.fixture
def stage(standing: Stage) -> Iterator[Stage]:
    yield standing.fresh()
    assert standing.failures == []


def _echo(talk: Talk, stream_id: int, message: Message) -> None:
    talk.h2.send_headers(stream_id, [(":status", "200"), ("content-type", "text/plain")])
    talk.data(stream_id, bytes(message.body), end=True)


def _http1(stage: Stage, request: bytes, *, h2: bool) -> bytes:
    with stage.tls(h2=h2) as wire:
        wire.sendall(request)
        return origins.read_answer(wire)


@pytest.mark.parametrize("h2", [False, True], ids=["h1-origin", "h2-origin"])
def test_a_client_of_http2_is_served(stage: Stage, *, h2: bool) -> None:
    stage.h2.reply = _echo
    with stage.talk(h2=h2) as talk:
        numbers = [talk.head(asking(stage.host(h2=h2), f"/{turn}")) for turn in range(20)]
        answers = [talk.whole(number) for number in numbers]
        up = talk.head(asking(stage.host(h2=h2), "/up", method="POST"), end=False)
        talk.data(up, LARGE, end=True)
        echoed = talk.whole(up)

    assert {answer.status for answer in (*answers, echoed)} == {200}
    if h2:
        assert bytes(echoed.body) == LARGE
        assert len(stage.h2.talks) == 1
    else:
        assert all(bytes(answer.body) == b"hello" for answer in answers)
        assert len(stage.h1.visits) <= 16


@pytest.mark.parametrize("h2", [False, True], ids=["h1-origin", "h2-origin"])
def test_a_client_of_http1_is_served(stage: Stage, *, h2: bool) -> None:
    request = b"POST /up HTTP/1.1\r\nHost: %s\r\nContent-Length: 3\r\n\r\nabc" % stage.host(h2=h2).encode()
    with stage.tls(h2=h2) as wire:
        for _ in range(3):
            wire.sendall(request)
            assert origins.read_answer(wire).endswith(b"\r\n\r\nhello")

    if h2:
        (talk,) = stage.h2.talks
        assert [bytes(message.body) for message in stage.h2.messages] == [b"abc"] * 3
        assert talk.messages[1].fields[:4] == asking(stage.host(h2=True), "/up", method="POST")
    else:
        assert len(stage.h1.visits) == 1


def test_an_answer_without_a_length_is_chunked_for_a_client_of_http1(stage: Stage) -> None:
    stage.h2.reply = _echo
    with stage.tls(h2=True) as wire:
        head = b"POST / HTTP/1.1\r\nHost: %s\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
        wire.sendall(head % stage.host(h2=True).encode() + b"abc")
        answer = origins.read_all(wire)

    head, _, body = answer.partition(b"\r\n\r\n")
    assert b"\r\nTransfer-Encoding: chunked" in head
    assert body == b"3\r\nabc\r\n0\r\n\r\n"


def test_the_log_says_which_protocol_the_client_spoke_and_where_it_went(stage: Stage) -> None:
    start = stage.settled()
    with stage.talk() as talk:
        talk.whole(talk.head(asking(stage.host(), "/logged")))
    _http1(stage, b"GET /logged HTTP/1.1\r\nHost: %s\r\n\r\n" % stage.host().encode(), h2=False)

    until(lambda: len(stage.gateway.records()) >= start + 4, "the records never came")
    said = [record for record in stage.gateway.records()[start:] if record["event"] == "decision"]
    assert [record["request"]["protocol"] for record in said] == ["h2", "http/1.1"]
    assert [record["destination"]["ip"] for record in said] == ["127.0.0.1"] * 2


SAME: list[tuple[str, str, dict[str, str], bytes]] = [
    ("GET", "/", {}, b""),
    ("GET", "/a/./b/../c?x=%41&y=1", {"accept": "text/html", "x-a": "1"}, b""),
    ("GET", "/refused/x", {}, b""),
    ("GET", "//refused", {}, b""),
    ("GET", "/a#b", {}, b""),
    ("GET", "/%zz", {}, b""),
    ("GET", "/" + "a" * 9000, {}, b""),
    ("TRACE", "/", {}, b""),
    ("get", "/", {}, b""),
    ("OPTIONS", "*", {}, b""),
    ("DELETE", "/x", {"cookie": "a=1; b=2"}, b""),
    ("GET", "/", {"x-bad": "a\x01b"}, b""),
    ("GET", "/", {"wicketgate-decision": "x", "forwarded": "for=1.2.3.4", "proxy-authorization": "Basic eDp5"}, b""),
    ("GET", "/", {"expect": "nonsense"}, b""),
    ("POST", "/up", {"content-length": "5"}, b"hello"),
    ("POST", "/up", {"content-length": "05"}, b"hello"),
    ("POST", "/small", {"content-length": "400000"}, b"x" * 400_000),
    ("PUT", "/up", {"content-length": "0"}, b""),
    ("GET", "/", {"via": "1.1 other"}, b""),
    ("GET", "/", {f"x-{turn}": "y" for turn in range(120)}, b""),
]


@pytest.mark.parametrize(("method", "path", "fields", "body"), SAME, ids=[f"{m} {p[:20]}" for m, p, _, _ in SAME])
def test_the_same_request_is_judged_and_forwarded_alike(
    method: str, path: str, fields: dict[str, str], body: bytes, stage: Stage
) -> None:
    """The law of the two protocols: same verdict, reason and rule, and the same bytes at an origin of HTTP/1."""
    start = stage.settled()
    raw = "".join(f"{name}: {value}\r\n" for name, value in fields.items())
    first = _http1(stage, f"{method} {path} HTTP/1.1\r\nhost: {stage.host()}\r\n{raw}\r\n".encode() + body, h2=False)
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), path, *fields.items(), method=method), end=not body)
        if body:
            talk.data(number, body, end=True)
        second = talk.whole(number)

    assert second.status == origins.status_of(first)
    until(lambda: sum(each["event"] == "end" for each in stage.gateway.records()[start:]) == 2, "no record came")
    said = [record for record in stage.gateway.records()[start:] if record["event"] == "decision"]
    kept = [{key: each["decision"][key] for key in ("verdict", "reason", "rule", "status")} for each in said]
    assert kept[0] == kept[1]
    heads = [bytes(visit.data).replace(b"Via: 1.1 gateway", b"Via: 2 gateway") for visit in stage.h1.visits]
    assert len(heads) in {0, 2}
    assert heads[:1] == heads[1:]


def test_httpx_speaks_http2_through_the_proxy(stage: Stage) -> None:
    trusted = origins.trusting(stage.authority)
    proxy = f"http://127.0.0.1:{stage.gateway.forward}"
    with httpx.Client(http2=True, proxy=proxy, verify=trusted) as people:
        for h2 in (False, True):
            answer = people.post(f"https://{stage.host(h2=h2)}/in", content=LARGE)
            assert (answer.http_version, answer.status_code, answer.content) == ("HTTP/2", 200, b"hello")
        refused = people.get(f"https://{stage.host()}/refused")

    assert (refused.status_code, refused.json()["rule"]) == (403, "no-secrets")


def test_curl_speaks_http2_through_the_proxy(stage: Stage) -> None:
    def curl(*arguments: str) -> str:
        command = ["curl", "-sS", "--http2", "-x", f"http://127.0.0.1:{stage.gateway.forward}"]
        ended = subprocess.run(
            [*command, "--cacert", str(stage.authority), "-w", "%{http_version} %{http_code}", *arguments],
            check=True,
            capture_output=True,
            text=True,
            timeout=PATIENCE,
        )
        return ended.stdout

    assert curl(f"https://{stage.host()}/a") == "hello2 200"
    assert curl(f"https://{stage.host(h2=True)}/a", "-d", "x" * 5000) == "hello2 200"
    assert curl("-o", "/dev/null", f"https://{stage.host()}/refused") == "2 403"
    assert curl("--http1.1", f"https://{stage.host()}/a") == "hello1.1 200"


def test_crumbs_of_cookies_are_one_cookie_for_an_origin_of_http1(stage: Stage) -> None:
    with stage.talk() as talk:
        talk.whole(talk.head(asking(stage.host(), "/", ("cookie", "a=1"), ("x", "y"), ("cookie", "b=2"))))

    assert bytes(stage.h1.visits[0].data).lower().count(b"\r\ncookie: ") == 1
    assert b"\r\ncookie: a=1; b=2\r\n" in stage.h1.visits[0].data


def test_a_refused_upload_is_answered_at_once_and_its_stream_is_closed_without_an_error(stage: Stage) -> None:
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/refused", method="POST"), end=False)
        talk.until(lambda: talk.messages[number].reset is not None)
        after = talk.whole(talk.head(asking(stage.host(), "/after")))

    refused = talk.messages[number]
    assert (refused.status, refused.reset) == (403, ErrorCodes.NO_ERROR)
    assert json.loads(refused.body)["rule"] == "no-secrets"
    assert after.status == 200


def test_a_body_that_becomes_too_large_is_cut_and_other_streams_go_on(stage: Stage) -> None:
    with stage.talk() as talk:
        number = talk.head(asking(stage.host(), "/small", method="POST"), end=False)
        talk.data(number, b"x" * 290_000)
        until(lambda: any(len(visit.data) > 200_000 for visit in stage.h1.visits), "the body never came")
        talk.data(number, b"x" * 20_000)
        cut = talk.whole(number)
        after = talk.whole(talk.head(asking(stage.host(), "/after")))

    assert (cut.status, json.loads(cut.body)["rule"]) == (403, "no-large")
    assert after.status == 200
    assert not bytes(stage.h1.visits[0].data).endswith(b"0\r\n\r\n")


def test_an_origin_that_is_silent_on_one_stream_leaves_the_others_alone(stage: Stage) -> None:
    def reply(talk: Talk, stream_id: int, message: Message) -> None:
        if message.get(":path") != "/silent":
            _echo(talk, stream_id, message)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        silent = talk.head(asking(stage.host(h2=True), "/silent"))
        while not talk.messages[silent].is_over:
            assert talk.whole(talk.head(asking(stage.host(h2=True), "/busy"))).status == 200
        late = talk.messages[silent]

    assert (late.status, json.loads(late.body)["reason"]) == (504, "upstream-timeout")
    assert len(stage.h2.talks) == 1
    (asked,) = [message for message in stage.h2.messages if message.get(":path") == "/silent"]
    until(lambda: asked.reset == ErrorCodes.CANCEL, "the origin was left waiting")


def test_an_origin_of_http1_that_is_silent_leaves_the_other_streams_alone(stage: Stage) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        while request := origins.read_request(connection, visit):
            if b"/silent" not in request:
                connection.sendall(origins.HELLO)

    stage.h1.serve = serve
    with stage.talk() as talk:
        silent = talk.head(asking(stage.host(), "/silent"))
        while not talk.messages[silent].is_over:
            assert talk.whole(talk.head(asking(stage.host(), "/busy"))).status == 200

    assert talk.messages[silent].status == 504
    assert len(stage.h1.visits) == 2


def test_the_end_of_an_origin_breaks_its_streams_and_the_next_request_finds_a_new_connection(stage: Stage) -> None:
    def reply(talk: Talk, stream_id: int, message: Message) -> None:
        if message.get(":path") == "/last":
            talk.socket.close()
            talk.closed = True
        else:
            _echo(talk, stream_id, message)

    stage.h2.reply = reply
    with stage.talk(h2=True) as talk:
        broken = talk.whole(talk.head(asking(stage.host(h2=True), "/last")))
        after = talk.whole(talk.head(asking(stage.host(h2=True), "/next")))

    assert (broken.status, json.loads(broken.body)["reason"]) == (502, "upstream-broken")
    assert after.status == 200
    assert len(stage.h2.talks) == 2


def test_a_websocket_goes_over_http1_where_http2_was_offered(stage: Stage) -> None:
    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        accept = b"Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n\r\n"
        connection.sendall(b"HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n" + accept)

    stage.h1.serve = serve
    ask = b"GET /ws HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n"
    with stage.tls() as wire:
        wire.sendall(ask % stage.host().encode() + b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n")
        assert origins.status_of(origins.read_head(wire)) == 101


@pytest.mark.parametrize("where", ["forward", "reverse"])
def test_http2_without_tls_stays_refused(where: str, stage: Stage) -> None:
    port = stage.gateway.forward if where == "forward" else stage.gateway.reverse
    with origins.client(port) as wire:
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        answer = origins.read_all(wire)

    assert origins.status_of(answer) == 400
    assert (stage.h1.visits, stage.h2.talks) == ([], [])


def test_an_upgrade_to_http2_without_tls_is_forgotten(stage: Stage) -> None:
    with origins.client(stage.gateway.forward) as wire:
        wire.sendall(f"CONNECT {HOST}:{stage.h1.port} HTTP/1.1\r\nHost: {stage.host()}\r\n\r\n".encode())
        assert origins.status_of(origins.read_head(wire)) == 200
        wire.sendall(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9))
        answer = origins.read_all(wire)

    assert origins.status_of(answer) == 400
    assert stage.h1.visits == []


def test_a_gateway_that_ends_finishes_what_runs_and_begins_nothing_else(stage: Stage) -> None:
    stage.h2.reply = lambda _talk, _number, _message: None
    with stage.talk(h2=True) as talk:
        running = talk.head(asking(stage.host(h2=True), "/running"))
        until(lambda: len(stage.h2.messages) == 1, "the request never came")
        for each in stage.gateway.engine.served:
            stage.gateway.call(each.drain)
        talk.until(lambda: talk.goaway is not None)
        refused = talk.whole(talk.head(asking(stage.host(h2=True), "/refused-now")))
        (origin,) = stage.h2.talks
        _echo(origin, 1, Message())
        answer = talk.whole(running)
        talk.to_the_end()

    assert talk.goaway == (running, ErrorCodes.NO_ERROR)
    assert refused.reset == ErrorCodes.REFUSED_STREAM
    assert answer.status == 200
