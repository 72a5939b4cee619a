"""An answer of HTTP/2 as the answer of HTTP/1.1 that says the same, and back.

Source: RFC 9113 section 8.3.2 (`:status`), section 8.1.1 (malformed messages); RFC 9110 section 6.4.1 (answers
without content).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

from mitmproxy.http import Headers, Response
from mitmproxy.net.http import status_codes

from addons.http2.fields import BadField, RawField, check, outgoing, split
from addons.judging.heads import spoken_as
from addons.passing.interim import made

if TYPE_CHECKING:
    from addons.http2.fields import RawFields

_PSEUDO: Final = frozenset({b":status"})
_DIGITS: Final = 3
_FINAL: Final = 200
_INTERIM: Final = range(100, 200)
_SWITCHING: Final = 101
_EMPTY: Final = frozenset({204, 304})


def read_answer(raw: RawFields, *, has_body: bool, to_head: bool) -> Response:
    """The answer; `to_head` says that HEAD was asked. Raises BadField for a malformed one."""
    pseudo, fields = split(raw, _PSEUDO)
    written = pseudo.get(b":status", b"")
    if len(written) != _DIGITS or not written.isdigit() or int(written) < _FINAL:
        raise BadField("`:status` is no status of a final answer")
    check(fields)
    status = int(written)
    if has_body and not to_head and status not in _EMPTY and not any(name == b"content-length" for name, _ in fields):
        fields.append((b"Transfer-Encoding", b"chunked"))
    answer = Response(
        http_version=b"HTTP/1.1",
        status_code=status,
        reason=status_codes.RESPONSES.get(status, "").encode("ascii"),
        headers=Headers(fields),
        content=None,
        trailers=None,
        timestamp_start=time.time(),
        timestamp_end=None,
    )
    return spoken_as(answer, "2")


def read_interim(raw: RawFields) -> Response:
    """An interim answer. Raises BadField for a malformed one, and for 101, which HTTP/2 has not (section 8.6)."""
    pseudo, fields = split(raw, _PSEUDO)
    status = pseudo.get(b":status", b"")
    if len(status) != _DIGITS or not status.isdigit() or int(status) not in _INTERIM or int(status) == _SWITCHING:
        raise BadField("`:status` is no status of an interim answer")
    check(fields)
    return made(int(status), tuple(fields))


def is_without_body(answer: Response, *, to_head: bool) -> bool:
    """Whether nothing may follow the head, whatever length it states."""
    return to_head or answer.status_code in _EMPTY


def write_answer(answer: Response) -> list[RawField]:
    """The head of an answer as HTTP/2 writes it."""
    return [(b":status", b"%d" % answer.status_code), *outgoing(answer.headers.fields)]
