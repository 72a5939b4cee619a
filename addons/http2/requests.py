"""A request of HTTP/2 as the request of HTTP/1.1 that says the same, which is the one that is judged, and back.

`:authority` becomes Host, crumbs of cookies become one, a body without a length becomes a chunked one. A head that
HTTP/2 forbids becomes a request that carries its refusal, so that it is refused and recorded where all others are.

Source: RFC 9113 section 8.3.1 (request pseudo-fields), section 8.2.3 (cookies), section 8.5 (CONNECT); RFC 8441.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final, Literal

from mitmproxy.http import Headers, Request

from addons.http2.fields import BadField, RawField, check, outgoing, split
from addons.judging.heads import Line, bring_line, line_of, spelled, spoken_as
from addons.judging.refusals import refusal
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from addons.http2.fields import RawFields
    from addons.judging.refusals import Refusal

_PSEUDO: Final = frozenset({b":method", b":scheme", b":authority", b":path"})
_LINE: Final = len("  HTTP/1.1\r\n\r\n")
_FIELD: Final = len(": \r\n")
_COOKIE: Final = b"cookie"
_UNREADABLE: Final = {b":method": b"GET", b":path": b"/"}
"""What a request is shown as that cannot be shown as what it is; it is refused in any case."""


def read_request(raw: RawFields, *, has_body: bool, most: int, protocol: Literal["h2", "h3"] = "h2") -> Request:
    """The request, which carries its refusal if it is malformed or larger than `most` bytes."""
    problem: Refusal | None = None
    pseudo: dict[bytes, bytes] = {}
    fields: list[RawField] = []
    try:
        pseudo, fields = split(raw, _PSEUDO)
        check(fields, spelled(protocol))
        fields = _framed(_with_host(pseudo, fields), has_body=has_body)
    except BadField as bad:
        problem, fields = refusal(Reason.MALFORMED_REQUEST, str(bad)), []
    if problem is None and _size(pseudo, fields) > most:
        problem, fields = refusal(Reason.HEAD_TOO_LARGE), []
    if problem is not None:
        return refused_request(problem, protocol)
    line = Line("origin", "", "", protocol=protocol, trailers=(b"te", b"trailers") in fields)
    request = _request(pseudo, [field for field in fields if field[0] != b"te"])
    return spoken_as(bring_line(request, line), protocol[1:])


def refused_request(problem: Refusal, protocol: Literal["h2", "h3"]) -> Request:
    """What stands for a request that cannot be shown as what it is."""
    line = Line("origin", "", "", protocol=protocol, problem=problem)
    return spoken_as(bring_line(_request(dict(_UNREADABLE), []), line), protocol[1:])


def _with_host(pseudo: dict[bytes, bytes], fields: list[RawField]) -> list[RawField]:
    if pseudo.get(b":method") == b"CONNECT":
        raise BadField("CONNECT is not accepted here")
    for name in (b":method", b":scheme", b":path", b":authority"):
        if not pseudo.get(name):
            raise BadField(f"pseudo-field `{name.decode()}` is missing")
    if pseudo[b":scheme"] != b"https":
        raise BadField("the scheme is another than `https`")
    if not pseudo[b":path"].startswith((b"/", b"*")):
        raise BadField("the path does not begin with `/`")
    if any(_is_blank(pseudo[name]) for name in _PSEUDO):
        raise BadField("a blank or a control character in a pseudo-field")
    authority = pseudo[b":authority"]
    if any(name == b"host" and value.lower() != authority.lower() for name, value in fields):
        raise BadField("`host` is another than `:authority`")
    rest = [field for field in fields if field[0] != b"host"]
    return [(b"Host", authority), *_with_one_cookie(rest)]


def _is_blank(value: bytes) -> bool:
    return any(byte <= 0x20 or byte == 0x7F for byte in value)  # noqa: PLR2004 - everything up to the blank, and DEL


def _with_one_cookie(fields: list[RawField]) -> list[RawField]:
    crumbs = [value for name, value in fields if name == _COOKIE]
    if len(crumbs) < 2:  # noqa: PLR2004 - one cookie field is as it should be
        return fields
    return [*(field for field in fields if field[0] != _COOKIE), (_COOKIE, b"; ".join(crumbs))]


def _framed(fields: list[RawField], *, has_body: bool) -> list[RawField]:
    """Say how the body ends, as HTTP/1 does; the end of the stream is no length."""
    lengths = [value for name, value in fields if name == b"content-length"]
    if not has_body and any(value != b"0" for value in lengths):
        raise BadField("`content-length` of a request that has no body")
    if has_body and not lengths:
        return [*fields, (b"transfer-encoding", b"chunked")]
    return fields


def _size(pseudo: dict[bytes, bytes], fields: list[RawField]) -> int:
    """The size of the head as HTTP/1 would write it, so that one bound means one thing."""
    line = len(pseudo[b":method"]) + len(pseudo[b":path"]) + _LINE
    return line + sum(len(name) + len(value) + _FIELD for name, value in fields)


def _request(pseudo: dict[bytes, bytes], fields: list[RawField]) -> Request:
    return Request(
        host="",
        port=0,
        method=pseudo[b":method"],
        scheme=b"",
        authority=b"",
        path=pseudo[b":path"],
        http_version=b"HTTP/1.1",
        headers=Headers(fields),
        content=None,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=None,
    )


def write_request(request: Request) -> list[RawField]:
    """The head of a judged request as HTTP/2 writes it. Raises LookupError for one that was never read strictly."""
    data = request.data
    hosts = [value for name, value in request.headers.fields if name.lower() == b"host"]
    if len(hosts) != 1:
        raise LookupError("a request without its one host")
    head = [(b":method", data.method), (b":scheme", data.scheme), (b":authority", hosts[0]), (b":path", data.path)]
    rest = [field for field in outgoing(request.headers.fields) if field[0] != b"host"]
    return [*head, *rest, *([(b"te", b"trailers")] if line_of(request).trailers else [])]
