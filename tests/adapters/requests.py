"""Messages as mitmproxy's HTTP/1 reader makes them, out of the bytes that a client or an origin sends."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mitmproxy.net.http import http1

from addons.judging.heads import remember_line

if TYPE_CHECKING:
    from mitmproxy.http import Request, Response


def request_of(text: str) -> Request:
    """The request of a head, one line of it per line of `text`; the request line is kept as the stream keeps it."""
    lines = [line.strip(" ").encode("latin-1") for line in text.strip("\n ").split("\n")]
    request = http1.read_request_head(lines)
    remember_line(request)
    return request


def response_of(text: str) -> Response:
    """The answer of a head, one line of it per line of `text`."""
    return http1.read_response_head([line.strip(" ").encode("latin-1") for line in text.strip("\n ").split("\n")])
