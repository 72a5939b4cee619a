from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.judging import heads
from addons.judging.heads import Line, Unnameable
from gateway.policy.headers import Fields
from gateway.policy.model import Reason
from tests.adapters.requests import request_of

if TYPE_CHECKING:
    from mitmproxy.http import Request

FIELDS = 100


def read_all(request: Request) -> None:
    """Put a head to every reader of this module."""
    heads.read_method(request)
    fields = heads.read_fields(request, FIELDS)
    heads.check_expectation(fields)
    heads.read_size(fields)
    heads.read_host(request, fields)


def refused(text: str) -> tuple[int, Reason]:
    """Status and reason with which the readers of this module together refuse a head."""
    request = request_of(text)
    with pytest.raises(Unnameable) as problem:
        read_all(request)
    return problem.value.refusal.status, problem.value.refusal.decision.reason


@pytest.mark.parametrize(
    ("line", "written"),
    [
        (Line("origin", "", ""), "GET /x HTTP/1.1"),
        (Line("origin", "", ""), "OPTIONS * HTTP/1.1"),
        (Line("absolute", "http", "host.example"), "GET http://host.example/x HTTP/1.1"),
        (Line("absolute", "http", "HOST.example.:0080"), "GET HTTP://HOST.example.:0080/x HTTP/1.1"),
        (Line("authority", "", "host.example:443"), "CONNECT host.example:443 HTTP/1.1"),
    ],
)
def test_the_request_line_is_kept_as_it_was_written(line: Line, written: str) -> None:
    request = request_of(written)
    request.authority = ""  # what the layer does on a proxy port before any hook runs

    assert line == heads.line_of(request)


def test_a_request_whose_line_nobody_kept_is_an_error_and_never_an_origin_form() -> None:
    request = request_of("GET /x HTTP/1.1")
    vars(request).clear()

    with pytest.raises(LookupError, match="was not kept"):
        heads.line_of(request)


@pytest.mark.parametrize(
    "text",
    [
        "GET / HTTP/1.1\nHost: a.example\nHost: a.example",
        "GET / HTTP/1.1\nHost: a.example\nhost: b.example",
        "GET / HTTP/1.1",
        "GET / HTTP/2.0\nHost: a.example",
        "GET / HTTP/9.9\nHost: a.example",
        "GET / HTTP/0.9\nHost: a.example",
        "get / HTTP/1.1\nHost: a.example",
        "GeT / HTTP/1.1\nHost: a.example",
        "G(T / HTTP/1.1\nHost: a.example",
        f"{'G' * 40} / HTTP/1.1\nHost: a.example",
        "GET / HTTP/1.1\nHost: a.example\nX: 1\rX-Forwarded-For: 6.6.6.6",
        "GET / HTTP/1.1\nHost: a.example\nX: a\x00b",
        "GET / HTTP/1.1\nHost: a.example\nX: a\x0bb",
        "GET / HTTP/1.1\nHost: a.example\nX: a\n\tfolded",
        "GET / HTTP/1.1\nHost: a.example\nX Y: 1",
        "GET / HTTP/1.1\nHost: a.example\nX\xe9: 1",
        "GET / HTTP/1.1\nHost: a.example\nAuthorization: a\nAuthorization: b",
        "GET / HTTP/1.1\nHost: a.example\nContent-Type: a/b\nContent-Type: c/d",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: 1\nContent-Length: 1",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: 1\nTransfer-Encoding: chunked",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: +1",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: 1, 1",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: 0x1",
        "POST / HTTP/1.1\nHost: a.example\nContent-Length: \xb2",
        "POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: gzip, chunked",
        "POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: chunked\nTransfer-Encoding: chunked",
        "POST / HTTP/1.1\nHost: a.example\nTransfer-Encoding: identity",
    ],
)
def test_a_head_that_can_be_read_in_two_ways_is_400(text: str) -> None:
    assert refused(text) == (400, Reason.MALFORMED_REQUEST)


def test_an_unknown_expectation_is_417() -> None:
    assert refused("GET / HTTP/1.1\nHost: a.example\nExpect: 200-maybe") == (417, Reason.MALFORMED_REQUEST)


def test_more_fields_than_the_limit_are_431() -> None:
    many = "".join(f"\nX-{number}: 1" for number in range(FIELDS))

    assert refused(f"GET / HTTP/1.1\nHost: a.example{many}") == (431, Reason.HEAD_TOO_LARGE)


@pytest.mark.parametrize(
    ("size", "fields"),
    [
        (0, ""),
        (0, "\nContent-Length: 0"),
        (17, "\nContent-Length: 17"),
        (None, "\nTransfer-Encoding: chunked"),
        (None, "\nTransfer-Encoding: CHUNKED"),
    ],
)
def test_the_size_is_what_the_head_states(size: int | None, fields: str) -> None:
    request = request_of(f"POST / HTTP/1.1\nHost: a.example{fields}")

    assert size == heads.read_size(heads.read_fields(request, FIELDS))


@pytest.mark.parametrize(("host", "text"), [("a.example", "\nHost: a.example"), (None, "")])
def test_http_1_0_may_leave_the_host_out(host: str | None, text: str) -> None:
    request = request_of(f"GET / HTTP/1.0{text}")

    assert host == heads.read_host(request, heads.read_fields(request, FIELDS))


HANDSHAKE = """GET /chat HTTP/1.1
Host: a.example
Upgrade: websocket
Connection: keep-alive, Upgrade
Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
Sec-WebSocket-Version: 13"""


@pytest.mark.parametrize(
    ("complete", "text"),
    [
        (True, HANDSHAKE),
        (True, HANDSHAKE.replace("websocket", "WebSocket")),
        (False, HANDSHAKE.replace("Upgrade: websocket", "Upgrade: h2c")),
        (False, HANDSHAKE.replace("Upgrade: websocket", "Upgrade: websocket, h2c")),
        (False, HANDSHAKE.replace("Upgrade: websocket", "Upgrade: websocket\nUpgrade: tcp")),
        (False, HANDSHAKE.replace("keep-alive, Upgrade", "keep-alive")),
        (False, HANDSHAKE.replace("Version: 13", "Version: 8")),
        (False, HANDSHAKE.replace("GET", "POST")),
        (False, HANDSHAKE.replace("HTTP/1.1", "HTTP/1.0")),
        (False, HANDSHAKE.replace("Sec-WebSocket-Key", "X-Key")),
        (True, f"{HANDSHAKE}\nContent-Length: 0"),
        (False, f"{HANDSHAKE}\nContent-Length: 4"),
        (False, f"{HANDSHAKE}\nTransfer-Encoding: chunked"),
    ],
)
def test_only_a_complete_handshake_is_a_websocket(*, complete: bool, text: str) -> None:
    request = request_of(text)

    assert complete is heads.is_websocket(request, heads.read_fields(request, FIELDS))


@pytest.mark.parametrize(
    ("last", "text"),
    [
        (False, "GET / HTTP/1.1\nHost: a.example"),
        (True, "GET / HTTP/1.1\nHost: a.example\nConnection: Close"),
        (True, "GET / HTTP/1.1\nHost: a.example\nConnection: x, close"),
        (True, "GET / HTTP/1.0"),
        (False, "GET / HTTP/1.0\nConnection: keep-alive"),
    ],
)
def test_a_client_says_whether_it_stays(*, last: bool, text: str) -> None:
    request = request_of(text)

    assert last is heads.wants_close(request, heads.read_fields(request, FIELDS))


def test_a_head_of_plain_lines_is_read() -> None:
    heads.check_lines([b"GET /a|b HTTP/1.1", b"Host: a", b"X-Tab: a\tb", b"X-Latin: \xe9"])


@pytest.mark.parametrize(
    "lines",
    [
        [],
        [b""],
        [b"GET  / HTTP/1.1"],
        [b"GET\t/ HTTP/1.1"],
        [b"GET\x0b/ HTTP/1.1"],
        [b" GET / HTTP/1.1"],
        [b"GET / HTTP/1.1 "],
        [b"GET /"],
        [b"GET / HTTP/1.1", b"Transfer-Encoding:\x0bchunked"],
        [b"GET / HTTP/1.1", b"Content-Length: 3\x0c"],
        [b"GET / HTTP/1.1", b"Host: a\rX: b"],
        [b"GET / HTTP/1.1", b"Host: a\x00"],
        [b"GET / HTTP/1.1", b"Host: a\x7f"],
    ],
)
def test_a_head_that_would_have_to_be_tidied_up_first_is_not(lines: list[bytes]) -> None:
    with pytest.raises(ValueError, match=r"request line|control"):
        heads.check_lines(lines)


@pytest.mark.parametrize("head", [b"GET / HTTP/1.1\nHost: a\r\n\r\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n", b"\n"])
def test_a_line_that_ends_in_a_lone_line_feed_is_refused(head: bytes) -> None:
    with pytest.raises(ValueError, match="a line feed without a carriage return"):
        heads.check_line_ends(head)


def test_lines_that_end_as_they_should_are_fine() -> None:
    heads.check_line_ends(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")


@pytest.mark.parametrize(
    ("wanted", "head"),
    [
        (True, b"HTTP/1.1 200 OK\r\nX-A: b\tc\r\n\r\n"),
        (True, b"HTTP/1.1 200 OK\nX-A: b\n\n"),
        (False, b"HTTP/1.1 200 OK\r\nTransfer-Encoding:\x0bchunked\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\nX-A: b\rX-C: d\r\n\r\n"),
        (False, b"HTTP/1.1 200 OK\r\nX-A: b\x00\r\n\r\n"),
        (True, b"HTTP/1.1 200\r\n\r\n"),
        (True, b"HTTP/1.0 999 \r\n\r\n"),
        (False, b"HTTP/1.1 2000 OK\r\n\r\n"),
        (False, b"HTTP/1.1 20 OK\r\n\r\n"),
        (False, b"HTTP/1.1 +20 OK\r\n\r\n"),
        (False, b"HTTP/1.1 000 OK\r\n\r\n"),
        (False, b"HTTP/3.1 200 OK\r\n\r\n"),
    ],
)
def test_the_head_of_an_answer_begins_with_a_status_and_holds_no_controls(wanted: bool, head: bytes) -> None:  # noqa: FBT001 - the wanted value of a table's row
    assert wanted is heads.is_clean_head(head)


@pytest.mark.parametrize(
    ("wanted", "method", "fields"),
    [
        (None, "OPTIONS", {}),
        (None, "GET", {"max-forwards": "0"}),
        (9, "OPTIONS", {"max-forwards": "10"}),
        (0, "OPTIONS", {"max-forwards": "1"}),
    ],
)
def test_the_hops_that_are_left_are_those_behind_this_one(
    wanted: int | None, method: str, fields: dict[str, str]
) -> None:
    assert wanted == heads.hops_left(method, Fields.of(fields.items()))


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        ((403, Reason.PROTOCOL_REFUSED), "0"),
        ((400, Reason.MALFORMED_REQUEST), "+1"),
        ((400, Reason.MALFORMED_REQUEST), "00"),
        ((400, Reason.MALFORMED_REQUEST), "x"),
    ],
)
def test_options_that_may_go_no_further_end_here(wanted: tuple[int, Reason], count: str) -> None:
    with pytest.raises(Unnameable) as problem:
        heads.hops_left("OPTIONS", Fields.of([("Max-Forwards", count)]))

    assert wanted == (problem.value.refusal.status, problem.value.refusal.decision.reason)


@pytest.mark.parametrize(
    ("wanted", "fields"),
    [
        (False, ""),
        (True, "\nTE: trailers"),
        (True, "\nte: gzip, Trailers"),
        (True, "\nTE: gzip\nTE: trailers"),
        (False, "\nTE: gzip"),
        (False, "\nTE: trailersx"),
        (False, "\nTX: trailers"),
    ],
)
def test_a_client_says_whether_it_reads_trailers(fields: str, *, wanted: bool) -> None:
    for line in ("GET / HTTP/1.1", "GET http://site.example/ HTTP/1.1"):
        request = request_of(f"{line}\nHost: site.example{fields}")
        heads.remember_line(request)

        assert heads.line_of(request).trailers is wanted
