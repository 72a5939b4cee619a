"""What is read the quick way is what is read the long way, and what is refused there is never read here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest
from h11._receivebuffer import ReceiveBuffer
from hypothesis import given
from hypothesis import strategies as st
from mitmproxy.net.http import http1
from mitmproxy.proxy.layers.http import HTTPMode, validate_request

from addons.http1.client_side import head_size
from addons.http1.usual import usual_answer, usual_request
from addons.judging.heads import check_line_ends, check_lines, is_clean_head
from tests.adapters.requests import request_of

if TYPE_CHECKING:
    from mitmproxy.http import Request, Response

MOST: Final = 4096
PIECES: Final = st.sampled_from(
    b"\r\n|\r\n\r\n|\n|\r| |:|a|X-A: b|Host: a.example|Content-Length: 5|hello|Content-Length: 0|Connection: close"
    b"|Connection: keep-alive|Transfer-Encoding: chunked|\x00".split(b"|")
)
LINES: Final = st.sampled_from(
    [b"GET / HTTP/1.1", b"GET / HTTP/1.0", b"POST /x HTTP/1.1", b"CONNECT a:1 HTTP/1.1", b"GET"]
)
STATUSES: Final = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.1 304 No", b"HTTP/1.1 101 S", b"HTTP/1.1 503 B", b"HTTP/1 2"]
)


def assembled(first: bytes, pieces: list[bytes]) -> bytes:
    return first + b"\r\n" + b"".join(piece if piece.isspace() else piece + b"\r\n" for piece in pieces)


def read_long(data: bytes) -> tuple[Request, int | None]:
    """The head of a request, and the length of its body, as `ClientSide` reads it; raises what that refuses for."""
    buffer = ReceiveBuffer()
    buffer += data
    size = head_size(buffer, MOST)
    assert size == len(data) <= MOST, "not a head, or more than one"
    lines = [bytes(line) for line in buffer.maybe_extract_lines() or ()]
    check_line_ends(data)
    check_lines(lines)
    request = http1.read_request_head(lines)
    assert validate_request(HTTPMode.transparent, request, validate_inbound_headers=True) is None
    return request, http1.expected_http_body_size(request)


def answer_long(data: bytes, request: Request) -> tuple[Response, int | None]:
    """The head of an answer as `OriginSide` reads it, and the length of its body; raises what that gives up for."""
    buffer = ReceiveBuffer()
    buffer += data
    size = head_size(buffer, MOST)
    assert size == len(data)
    assert is_clean_head(data)
    response = http1.read_response_head([bytes(line) for line in buffer.maybe_extract_lines() or ()])
    return response, http1.expected_http_body_size(request, response)


@given(first=LINES, pieces=st.lists(PIECES, max_size=6), end=st.sampled_from([b"\r\n", b"", b"\r\n\r\n", b"\n"]))
def test_a_usual_request_is_what_the_long_way_reads(first: bytes, pieces: list[bytes], end: bytes) -> None:
    data = assembled(first, pieces) + end
    quick = usual_request(data, MOST, HTTPMode.transparent)

    if quick is not None:
        request, length = read_long(data)
        assert (without_times(quick[0]), quick[1]) == (without_times(request), length)


@given(first=STATUSES, pieces=st.lists(PIECES, max_size=5), method=st.sampled_from(["GET", "HEAD"]))
def test_a_usual_answer_is_what_the_long_way_reads(first: bytes, pieces: list[bytes], method: str) -> None:
    data, request = assembled(first, pieces) + b"\r\n", request_of(f"{method} / HTTP/1.1\r\nHost: a.example")
    quick = usual_answer(data, request, MOST)

    if quick is not None:
        response, length = answer_long(data, request)
        assert (without_times(quick[0]), quick[1]) == (without_times(response), length)


def without_times(message: Request | Response) -> dict[str, object]:
    return {name: value for name, value in vars(message.data).items() if not name.startswith("timestamp")}


@pytest.mark.parametrize(
    ("head", "length"),
    [
        (b"GET /in?q=1 HTTP/1.1\r\nHost: a.example\r\n\r\n", 0),
        (b"DELETE /in HTTP/1.1\r\nHost: a.example\r\nConnection: Keep-Alive\r\n\r\n", 0),
        (b"OPTIONS * HTTP/1.1\r\n\r\n", 0),
        (b"POST /in HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\n", 5),
    ],
)
def test_what_most_clients_send_is_usual(head: bytes, length: int) -> None:
    found = usual_request(head, MOST, HTTPMode.transparent)

    assert found is not None
    assert found[1] == length


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: +5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nUpgrade: websocket\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nExpect: 100-continue\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.0\r\nHost: a.example\r\n\r\n",
        b"CONNECT a.example:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\nGET / HTTP/1.1\r\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a.example\r\n",
        b"GET / HTTP/1.1\nHost: a.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nX-A: " + b"b" * MOST + b"\r\n\r\n",
        b"\r\n\r\n",
        b"",
    ],
)
def test_what_is_more_less_or_other_than_a_head_is_not_usual(head: bytes) -> None:
    assert usual_request(head, MOST, HTTPMode.transparent) is None


@pytest.mark.parametrize(
    ("method", "head", "length"),
    [
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 5),
        ("GET", b"HTTP/1.1 404 No\r\ncontent-length:5\r\nConnection: keep-alive\r\n\r\n", 5),
        ("GET", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", None),
        ("GET", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", 0),
        ("GET", b"HTTP/1.1 204 No\r\n\r\n", 0),
        ("GET", b"HTTP/1.1 304 No\r\nContent-Length: 5\r\n\r\n", 0),
        ("HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n", 0),
        ("HEAD", b"HTTP/1.1 200 OK\r\n\r\n", 0),
    ],
)
def test_an_answer_is_usual_if_it_says_once_how_it_ends(method: str, head: bytes, length: int | None) -> None:
    found = usual_answer(head, request_of(f"{method} / HTTP/1.1\r\nHost: a.example"), MOST)

    assert found is not None
    assert found[1] == length


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n",
        b"HTTP/1.1 204 No\r\nTransfer-Encoding: chunked\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-Content-Length: 5\r\n\r\n",
        b"HTTP/1.1 100 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 101 OK\r\n\r\n",
        b"HTTP/1.1 503 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nX-A: b\x00\r\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\nContent-Length: 5\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
        b"HTTP/1.1 200 OK\r\nX-A: " + b"b" * MOST + b"\r\nContent-Length: 5\r\n\r\n",
    ],
)
def test_an_answer_that_says_otherwise_or_wrongly_how_it_ends_is_not_usual(head: bytes) -> None:
    assert usual_answer(head, request_of("GET / HTTP/1.1\r\nHost: a.example"), MOST) is None
