"""Heads that are like most others, read as strictly as any: a request and an answer that say how they end.

Whatever is not usual is no concern of this module, nor whatever is wrong: None says so, and whoever asked reads it
again, the long way, which knows all cases and has the words for each. What is read here, that way would have read, and
in the same way: one pattern stands for its checks of lines, and `tests/adapters/http1/test_usual.py` compares the two.

Source: RFC 9112 sections 3 to 6 and 9.3.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from mitmproxy.net.http import http1, validate
from mitmproxy.proxy.layers.http import HTTPMode, validate_request

if TYPE_CHECKING:
    from mitmproxy.http import Request, Response

_END: Final = b"\r\n\r\n"
_FIELDS: Final = rb"\r\n(?:[^\x00-\x08\x0a-\x1f\x7f]+\r\n)*\r\n"
"""Lines without a control character, each with a whole end, and an empty one."""
_REQUEST: Final = re.compile(rb"[^\x00-\x20\x7f]+ [^\x00-\x20\x7f]+ HTTP/1\.1" + _FIELDS)
_UNUSUAL: Final = frozenset({b"expect", b"upgrade", b"transfer-encoding"})
"""Fields of a request that announce more than a head."""
_ANSWER: Final = re.compile(rb"HTTP/1\.1 (?:20[0-9]|30[0-9]|4[0-9]{2}|500) [\t -~\x80-\xff]*" + _FIELDS)
"""No interim answer, no switch, and none after which another server is asked."""
_LENGTH: Final = re.compile(rb"[1-9][0-9]{0,17}")


def usual_request(head: bytes, most: int, mode: HTTPMode) -> tuple[Request, int] | None:
    """The request whose head this is, if nothing in it is wrong or unusual, and the length of its body."""
    if len(head) > most or _REQUEST.fullmatch(head) is None:
        return None
    try:
        request = http1.read_request_head(head[: -len(_END)].split(b"\r\n"))
        length = _length(request)
        if length is None or validate_request(mode, request, validate_inbound_headers=True) is not None:
            return None
    except (ValueError, IndexError):
        return None
    return request, length


def _is_kept(message: Request | Response) -> bool:
    """Whether the connection stays open behind a message of HTTP/1.1, as far as that goes."""
    fields = message.headers.fields
    return all(value.lower() == b"keep-alive" for name, value in fields if name.lower() == b"connection")


def _length(request: Request) -> int | None:
    """The length of a request's body; None if anything about the request is unusual."""
    names = [name.lower() for name, _ in request.headers.fields]
    if request.data.method == b"CONNECT" or not _is_kept(request) or not _UNUSUAL.isdisjoint(names):
        return None
    stated = names.count(b"content-length")
    if not stated:
        return 0
    value = request.data.headers.fields[names.index(b"content-length")][1]
    return int(value) if stated == 1 and _LENGTH.fullmatch(value) is not None else None


def usual_answer(head: bytes, request: Request, most: int) -> tuple[Response, int | None] | None:
    """The answer whose head this is, if nothing in it is wrong or unusual, and the length of its body.

    The length is None if the body comes in chunks. Answers that end with their connection are not usual.
    """
    if len(head) > most or _ANSWER.fullmatch(head) is None:
        return None
    try:
        response = http1.read_response_head(head[: -len(_END)].split(b"\r\n"))
        validate.validate_headers(response)
        length = http1.expected_http_body_size(request, response)
    except (ValueError, IndexError):
        return None
    if not _is_kept(response) or not _is_framed_once(response, length):
        return None
    return response, length


def _is_framed_once(response: Response, length: int | None) -> bool:
    """Whether the fields say the length in one usual way, or nothing is to come whatever they say."""
    codings = response.headers.get_all("transfer-encoding")
    lengths = [value for name, value in response.headers.fields if name.lower() == b"content-length"]
    if length is None:
        return codings == ["chunked"] and not lengths
    if codings or len(lengths) > 1:
        return False
    return length == 0 or (length > 0 and _LENGTH.fullmatch(lengths[0]) is not None)
