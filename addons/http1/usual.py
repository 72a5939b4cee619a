"""Heads that are like most others, read as strictly as any: a request without a body, an answer that is whole.

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
_UNUSUAL: Final = frozenset({b"expect", b"upgrade", b"transfer-encoding", b"content-length"})
"""Fields of a request that announce more than a head."""
_ANSWER: Final = re.compile(rb"HTTP/1\.1 (?:20[0-35-9]|30[0-35-9]|4[0-9]{2}|500) [\t -~\x80-\xff]*" + _FIELDS)
"""No interim answer, no switch, none that never has a body, and none after which another server is asked."""
_LENGTH: Final = re.compile(rb"\r\ncontent-length:[ \t]*([1-9][0-9]{0,17})[ \t]*\r\n", re.IGNORECASE)


def usual_request(data: bytes, most: int, mode: HTTPMode) -> Request | None:
    """The request, if `data` is the head of one, nothing follows, and nothing in it is wrong or unusual."""
    if len(data) > most or _REQUEST.fullmatch(data) is None:
        return None
    try:
        request = http1.read_request_head(data[: -len(_END)].split(b"\r\n"))
        if not _is_usual(request) or validate_request(mode, request, validate_inbound_headers=True) is not None:
            return None
    except (ValueError, IndexError):
        return None
    return request


def _is_kept(message: Request | Response) -> bool:
    """Whether the connection stays open behind a message of HTTP/1.1, as far as that goes."""
    fields = message.headers.fields
    return all(value.lower() == b"keep-alive" for name, value in fields if name.lower() == b"connection")


def _is_usual(request: Request) -> bool:
    if request.data.method == b"CONNECT":
        return False
    return _is_kept(request) and _UNUSUAL.isdisjoint([name.lower() for name, _ in request.headers.fields])


def usual_answer(data: bytes, request: Request, most: int) -> tuple[Response, bytes] | None:
    """The answer and its body, if `data` is all of one that states its length, and nothing in it is wrong."""
    size = data.find(_END) + len(_END)
    stated = _LENGTH.search(data, 0, size)
    if not len(_END) < size <= most or stated is None or size + int(stated[1]) != len(data):
        return None
    if _ANSWER.fullmatch(data, 0, size) is None:
        return None
    try:
        response = http1.read_response_head(data[: size - len(_END)].split(b"\r\n"))
        validate.validate_headers(response)
        if not _is_kept(response) or http1.expected_http_body_size(request, response) != len(data) - size:
            return None
    except (ValueError, IndexError):
        return None
    return response, data[size:]
