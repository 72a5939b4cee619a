from __future__ import annotations

import pytest
from mitmproxy.http import Headers, Response

from addons.http2.answers import is_without_body, read_answer, read_interim, write_answer
from addons.http2.fields import BadField
from addons.judging.heads import version_of

OK = (b":status", b"200")


def test_an_answer_is_shown_as_the_one_of_http1_that_says_the_same() -> None:
    answer = read_answer([OK, (b"content-length", b"3")], has_body=True, to_head=False)

    assert (answer.http_version, answer.status_code, answer.reason) == ("HTTP/1.1", 200, "OK")
    assert answer.headers.fields == ((b"content-length", b"3"),)
    assert version_of(answer) == "2"


@pytest.mark.parametrize(
    ("status", "has_body", "to_head", "is_chunked"),
    [
        (b"200", True, False, True),
        (b"200", False, False, False),
        (b"200", True, True, False),
        (b"204", True, False, False),
        (b"304", True, False, False),
    ],
)
def test_a_body_without_a_length_is_chunked(status: bytes, *, has_body: bool, to_head: bool, is_chunked: bool) -> None:
    answer = read_answer([(b":status", status)], has_body=has_body, to_head=to_head)

    assert ("transfer-encoding" in answer.headers) is is_chunked
    assert is_without_body(answer, to_head=to_head) is (to_head or status != b"200")


@pytest.mark.parametrize(
    "raw",
    [
        [],
        [(b":status", b"20")],
        [(b":status", b"abc")],
        [(b":status", b"101")],
        [OK, OK],
        [OK, (b":path", b"/")],
        [OK, (b"connection", b"close")],
        [OK, (b"X", b"y")],
        [OK, (b"x", b"a\nb")],
    ],
)
def test_an_answer_that_http2_forbids_is_none(raw: list[tuple[bytes, bytes]]) -> None:
    with pytest.raises(BadField):
        read_answer(raw, has_body=False, to_head=False)


def test_an_interim_answer_is_one_with_the_usual_words() -> None:
    answer = read_interim([(b":status", b"103"), (b"link", b"</a>")])

    assert (answer.status_code, answer.reason, answer.headers.fields) == (103, "Early Hints", ((b"link", b"</a>"),))


@pytest.mark.parametrize("status", [b"101", b"200", b"99", b"1x0", b"", b"+10"])
def test_an_interim_answer_of_another_status_is_none(status: bytes) -> None:
    with pytest.raises(BadField):
        read_interim([(b":status", status)])


@pytest.mark.parametrize("field", [(b"connection", b"close"), (b"X", b"y"), (b"x", b"a\nb"), (b":path", b"/")])
def test_an_interim_answer_that_http2_forbids_is_none(field: tuple[bytes, bytes]) -> None:
    with pytest.raises(BadField):
        read_interim([(b":status", b"103"), field])


def test_an_answer_goes_out_without_what_belongs_to_http1() -> None:
    answer = Response.make(404, b"", Headers([(b"X-A", b"1"), (b"Connection", b"close")]))

    assert write_answer(answer)[:2] == [(b":status", b"404"), (b"x-a", b"1")]
