"""Interim answers (1xx): what an origin says before its answer goes on to the client, cleaned as the answer will be.

A 100 is not passed on: the gateway itself has told the client to go on, once the policy had let the request through. A
101 is no interim answer here, but the end of HTTP on a connection. A client of HTTP/1.0 knows no interim answers.

Source: RFC 9110 section 15.2 (interim answers), section 10.1.1 (Expect); RFC 8297 (103 Early Hints).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response
from mitmproxy.net.http import http1, status_codes
from mitmproxy.proxy.layers.http._events import HttpEvent

from addons.judging.exchange import judged
from addons.judging.heads import is_clean_head
from addons.passing.fields import clean_answer_fields, pointing_here
from addons.passing.trailers import MOST as MOST_FIELDS
from addons.passing.trailers import is_readable, not_edited
from gateway.policy.model import EditResponse, Mode

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow

MOST: Final = 16
"""Interim answers that an origin may send before the final one."""

_ALL: Final = range(100, 200)
_CONTINUE: Final = 100
_SWITCHING: Final = 101
_STATUS: Final = slice(9, 12)
_LINE_END: Final = re.compile(rb"\r?\n")
_ONLY_FINAL: Final = frozenset(
    {
        b"authentication-info",
        b"content-length",
        b"content-range",
        b"location",
        b"retry-after",
        b"set-cookie",
        b"transfer-encoding",
        b"www-authenticate",
    }
)
"""Fields of an answer that frame it, set state or ask for another request: in an interim one they mean nothing."""


@dataclass
class Interim(HttpEvent):
    """An interim answer."""

    response: Response


def is_interim(head: bytes) -> bool:
    """Whether these bytes begin as an interim answer does."""
    status = head[_STATUS]
    return status.isdigit() and int(status) in _ALL and int(status) != _SWITCHING


def read(head: bytes) -> Response | None:
    """The interim answer of HTTP/1 that these bytes are; None if they cannot be read without doubt."""
    if not is_clean_head(head):
        return None
    try:
        return http1.read_response_head([line for line in _LINE_END.split(head) if line])
    except ValueError:
        return None


def made(status: int, fields: tuple[tuple[bytes, bytes], ...] = ()) -> Response:
    """An interim answer; its words are the usual ones, whatever the origin said."""
    answer = Response.make(status, b"")
    answer.data.reason = status_codes.RESPONSES.get(status, "").encode("ascii")
    answer.headers = Headers(fields)
    return answer


def go_on() -> Response:
    """What a client waits for that asked whether to send its body."""
    return made(_CONTINUE)


def passed_on(flow: HTTPFlow, answer: Response) -> Response | None:
    """What the client gets of an interim answer to an admitted request; None if it gets nothing."""
    exchange = judged(flow)
    if answer.status_code == _CONTINUE or not flow.request.is_http11:
        return None
    if exchange.refused or exchange.outcome is not None or exchange.decision is None:
        return None
    raw = answer.headers.fields
    sound = [field for field in raw if field[0].lower() not in _ONLY_FINAL and is_readable(field)]
    fields = clean_answer_fields(sound if len(raw) <= MOST_FIELDS else [], exchange.connection.mode)
    if exchange.connection.mode is Mode.REVERSE:
        fields = pointing_here(exchange, flow.request, fields)
    return made(answer.status_code, tuple(not_edited(fields, EditResponse, exchange.decision.obligations)))


def written(answer: Response) -> bytes:
    """An interim answer as HTTP/1 writes it."""
    lines = [b"HTTP/1.1 %d %s" % (answer.status_code, answer.data.reason)]
    lines += [name + b": " + value for name, value in answer.headers.fields]
    return b"\r\n".join([*lines, b"", b""])
