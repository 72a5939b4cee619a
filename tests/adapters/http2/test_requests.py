from __future__ import annotations

import pytest

from addons.http2.requests import read_request, write_request
from addons.judging.heads import bring_line, line_of, version_of
from gateway.policy.model import Reason

HEAD = [(b":method", b"GET"), (b":scheme", b"https"), (b":authority", b"site.example"), (b":path", b"/a?b")]


def test_a_request_is_shown_as_the_one_of_http1_that_says_the_same() -> None:
    request = read_request([*HEAD, (b"accept", b"x"), (b"te", b"trailers")], has_body=False, most=1000)

    assert (request.http_version, request.method, request.path) == ("HTTP/1.1", "GET", "/a?b")
    assert request.headers.fields == ((b"Host", b"site.example"), (b"accept", b"x"))
    line = line_of(request)
    assert (line.form, line.protocol, line.trailers, line.problem) == ("origin", "h2", True, None)
    assert version_of(request) == "2"


def test_a_body_without_a_length_becomes_a_chunked_one() -> None:
    fields = read_request(HEAD, has_body=True, most=1000).headers.fields

    assert fields[-1] == (b"transfer-encoding", b"chunked")


def test_a_body_with_a_length_keeps_it() -> None:
    fields = read_request([*HEAD, (b"content-length", b"5")], has_body=True, most=1000).headers.fields

    assert fields[1:] == ((b"content-length", b"5"),)


def test_a_host_that_says_the_same_is_not_said_twice() -> None:
    request = read_request([*HEAD, (b"host", b"SITE.example")], has_body=False, most=1000)

    assert request.headers.fields == ((b"Host", b"site.example"),)


def test_crumbs_become_one_cookie() -> None:
    request = read_request([*HEAD, (b"cookie", b"a=1"), (b"cookie", b"b=2")], has_body=False, most=1000)

    assert request.headers.fields[1:] == ((b"cookie", b"a=1; b=2"),)


@pytest.mark.parametrize(
    ("head", "has_body", "why"),
    [
        (HEAD[1:], False, "`:method` is missing"),
        (HEAD[:1] + HEAD[2:], False, "`:scheme` is missing"),
        (HEAD[:2] + HEAD[3:], False, "`:authority` is missing"),
        (HEAD[:3], False, "`:path` is missing"),
        ([*HEAD[:3], (b":path", b"https://site.example/")], False, "begin with `/`"),
        ([*HEAD[:3], (b":path", b"/a b")], False, "a blank or a control"),
        ([HEAD[0], (b":scheme", b"http"), *HEAD[2:]], False, "another than `https`"),
        ([(b":method", b"CONNECT"), *HEAD[1:]], False, "CONNECT"),
        ([*HEAD, (b":protocol", b"websocket")], False, "not known"),
        ([*HEAD, (b"host", b"other.example")], False, "another than `:authority`"),
        ([*HEAD, (b"content-length", b"5")], False, "has no body"),
    ],
)
def test_a_head_that_http2_forbids_carries_its_refusal(
    head: list[tuple[bytes, bytes]], why: str, *, has_body: bool
) -> None:
    problem = line_of(read_request(head, has_body=has_body, most=1000)).problem

    assert problem is not None
    assert problem.decision.reason is Reason.MALFORMED_REQUEST
    assert why in (problem.decision.message or "")


@pytest.mark.parametrize(("size", "reason"), [(900, None), (1100, Reason.HEAD_TOO_LARGE)])
def test_a_head_is_bounded_as_http1_would_write_it(size: int, reason: Reason | None) -> None:
    problem = line_of(read_request([*HEAD, (b"x", b"y" * size)], has_body=False, most=1000)).problem

    assert (None if problem is None else problem.decision.reason) is reason


def test_a_judged_request_goes_out_as_it_was_judged() -> None:
    request = read_request([*HEAD, (b"te", b"trailers"), (b"x", b"y")], has_body=True, most=1000)
    request.data.scheme = b"https"

    assert write_request(request) == [
        (b":method", b"GET"),
        (b":scheme", b"https"),
        (b":authority", b"site.example"),
        (b":path", b"/a?b"),
        (b"x", b"y"),
        (b"te", b"trailers"),
    ]


def test_a_request_without_its_one_host_goes_nowhere() -> None:
    request = read_request(HEAD, has_body=False, most=1000)
    bring_line(request, line_of(request))
    request.headers.fields = ()

    with pytest.raises(LookupError, match="host"):
        write_request(request)
