from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Headers

from addons.judging.heads import line_of
from addons.judging.remembered import KnownAnswer, KnownRequest, Recall, known_answer, known_request
from addons.judging.translate import Head, request_head
from gateway.config.settings import LimitSettings
from gateway.policy.model import Mode
from tests.adapters.requests import request_of, response_of
from tests.adapters.scene import NOW, PLAIN, Scene

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import Request, Response

RAW = b"raw"


def remembered() -> KnownRequest:
    return KnownRequest(RAW, request_of(PLAIN))


def test_a_head_is_worth_remembering_when_it_comes_for_the_second_time() -> None:
    recall: Recall[KnownRequest] = Recall()

    assert [recall.came_before(RAW), recall.came_before(RAW), recall.find(RAW)] == [False, True, None]

    known = remembered()
    recall.keep(known)
    assert (recall.find(RAW), recall.find(b"other")) == (known, None)


def test_few_heads_are_remembered_and_no_long_ones() -> None:
    recall: Recall[KnownRequest] = Recall()
    for head in (RAW, b"two", b"three", b"x" * 3000):
        recall.came_before(head)

    assert [recall.came_before(head) for head in (b"three", b"two", b"x" * 3000)] == [True, True, False]
    assert not recall.came_before(RAW)


def test_a_request_that_comes_again_is_the_same_and_another() -> None:
    known = remembered()
    first, again = known.again(), known.again()
    first.headers["X-Mine"] = "1"
    first.data.host = "elsewhere.example"

    assert (again.method, again.data.path, again.host) == ("GET", b"/a", "site.example")
    assert again.headers.fields == ((b"Host", b"site.example"),)
    assert line_of(again) == line_of(request_of(PLAIN))
    assert (known_request(again), known_request(request_of(PLAIN))) == (known, None)


def _fields(request: Request) -> None:
    request.headers["X-Mine"] = "1"


def _path(request: Request) -> None:
    request.path = "/b"


def _method(request: Request) -> None:
    request.method = "POST"


def _version(request: Request) -> None:
    request.http_version = "HTTP/1.0"


@pytest.mark.parametrize("change", [_fields, _path, _method, _version])
def test_a_request_that_somebody_changed_is_not_known(change: Callable[[Request], None]) -> None:
    request = remembered().again()
    change(request)

    assert known_request(request) is None


ANSWER = "HTTP/1.1 200 OK\nContent-Length: 5\nContent-Type: text/plain"


def test_an_answer_that_comes_again_is_the_same_and_another() -> None:
    known = KnownAnswer(RAW, response_of(ANSWER), 5)
    first, again = known.again(), known.again()
    first.headers["X-Mine"] = "1"

    assert (again.status_code, again.reason, again.headers.fields) == (200, "OK", known.fields)
    assert (known_answer(first), known_answer(again), known_answer(response_of(ANSWER))) == (None, known, None)


def _status(response: Response) -> None:
    response.status_code = 500


def _other_fields(response: Response) -> None:
    response.headers = Headers([(b"X", b"1")])


@pytest.mark.parametrize("change", [_status, _other_fields])
def test_an_answer_that_somebody_changed_is_not_known(change: Callable[[Response], None]) -> None:
    response = KnownAnswer(RAW, response_of(ANSWER), 5).again()
    change(response)

    assert known_answer(response) is None


def test_a_head_is_read_once_for_one_connection_and_its_time_each_time(scene: Callable[..., Scene]) -> None:
    here, known, limits = scene(mode=Mode.REVERSE), remembered(), LimitSettings()
    client = here.client()
    state, flow = here.state(client), here.flow(client, PLAIN)

    def read(now: float) -> Head:
        flow.request = known.again()
        head = request_head(state, flow, now, limits)
        assert isinstance(head, Head)
        return head

    first = read(NOW)
    kept = known.head
    second = read(NOW + 1)

    assert kept is first is known.head
    assert second.facts == first.facts.learning(now=NOW + 1)
    here.listener.routes = None
    read(NOW)
    assert known.head is not kept
