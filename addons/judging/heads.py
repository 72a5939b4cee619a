"""The head of a request as it was received, read strictly: what cannot be named without doubt is refused.

mitmproxy's layer completes a request before any hook sees it: on a proxy port it fills the host in from the Host field
and drops the authority of an absolute-form target. What the client really wrote decides whether the request is
acceptable at all, so the stream calls `remember_line` before it does anything else.

Source: RFC 9112 sections 3 (request line), 4 (status line), 5 (fields), 6 (framing); RFC 9110 section 7.2 (Host).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Literal

from addons.judging.refusals import Refusal, refusal
from gateway.policy.errors import Malformed
from gateway.policy.headers import Fields, field_name, field_value_problem
from gateway.policy.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

    from mitmproxy.http import Request, Response

_KEY: Final = "wicketgate_line"
_SPOKEN: Final = "wicketgate_spoken"
_VERSIONS: Final = frozenset({b"HTTP/1.0", b"HTTP/1.1"})
_METHOD: Final = re.compile(r"[A-Z][A-Z0-9_-]{0,31}")
_LENGTH: Final = re.compile(r"0|[1-9][0-9]{0,17}")
_REQUEST_LINE: Final = re.compile(rb"\S+ \S+ \S+")
_STATUS_LINE: Final = re.compile(rb"HTTP/1\.[01] [1-9][0-9]{2}(?: [\t -~\x80-\xff]*)?")
_TE: Final = b"te"
_CONTROL: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_LINE_END: Final = re.compile(rb"\r?\n")
_LONE_LF: Final = re.compile(rb"(?<!\r)\n")

HOST: Final = field_name("host")
CONTENT_LENGTH: Final = field_name("content-length")
TRANSFER_ENCODING: Final = field_name("transfer-encoding")
UPGRADE: Final = field_name("upgrade")
CONNECTION: Final = field_name("connection")
EXPECT: Final = field_name("expect")
MAX_FORWARDS: Final = field_name("max-forwards")
_WEBSOCKET_KEY: Final = field_name("sec-websocket-key")
_WEBSOCKET_VERSION: Final = field_name("sec-websocket-version")


class Unnameable(Exception):  # noqa: N818 - it says what the head is
    """A head that cannot be judged; `refusal` is the answer to it."""

    def __init__(self, refused: Refusal) -> None:
        super().__init__(refused.decision.message)
        self.refusal: Final = refused


@dataclass(frozen=True, slots=True)
class Line:
    """How a request line named its target: `authority` and `scheme` as they were written, empty in origin-form.

    `protocol` is what the client spoke; `trailers` says that it takes some. `problem` is the refusal of a request
    that the layers below could read, but which their protocol forbids.
    """

    form: Literal["origin", "absolute", "authority"]
    scheme: str
    authority: str
    protocol: Literal["http/1.1", "h2", "h3"] = "http/1.1"
    trailers: bool = False
    problem: Refusal | None = None


def check_line_ends(head: bytes) -> None:
    """Refuse a head, by ValueError, in which a line ends without a CR: not everybody sees an end there."""
    if _LONE_LF.search(head):
        raise ValueError("a line feed without a carriage return")


def check_lines(lines: Sequence[bytes]) -> None:
    """Refuse a head, by ValueError, that mitmproxy would tidy up: other blanks than one space, controls around values.

    It takes a vertical tab before `chunked` away, which other readers leave where it is (RFC 9112 section 2.2, 3, 5).
    """
    if not lines or _REQUEST_LINE.fullmatch(lines[0]) is None:
        raise ValueError("the request line is not three words with one space between")
    if any(_CONTROL.search(line) for line in lines):
        raise ValueError("a control character in the head")


def is_clean_head(head: bytes) -> bool:
    """Whether the head of an answer begins with a status and holds no control character but its line ends.

    It is looked at before anything is tidied up. A status has three digits (RFC 9112 section 4).
    """
    first, *lines = _LINE_END.split(head)
    return _STATUS_LINE.fullmatch(first) is not None and not any(map(_CONTROL.search, lines))


def remember_line(request: Request) -> None:
    """Keep what the request line said. To be called before the layer completes the request."""
    if _KEY not in vars(request):
        vars(request)[_KEY] = _line(request)


def bring_line(request: Request, line: Line) -> Request:
    """The request with what another protocol than HTTP/1 said in the place of a request line."""
    vars(request)[_KEY] = line
    return request


def line_of(request: Request) -> Line:
    """What the request line said; raises LookupError if nobody kept it, which refuses the request."""
    match vars(request).get(_KEY):
        case Line() as line:
            return line
        case _:
            raise LookupError("the request line was not kept before it was completed")


def _line(request: Request) -> Line:
    authority = request.data.authority.decode("latin-1")
    if request.data.method == b"CONNECT":
        return Line("authority", "", authority)
    if authority or request.data.scheme:
        return Line("absolute", request.data.scheme.decode("latin-1"), authority, trailers=_takes_trailers(request))
    return Line("origin", "", "", trailers=_takes_trailers(request))


def _takes_trailers(request: Request) -> bool:
    """Whether the client says that it reads trailers (RFC 9110 section 10.1.4)."""
    said = [value for name, value in request.headers.fields if len(name) == len(_TE) and name.lower() == _TE]
    return any(each.strip().lower() == b"trailers" for value in said for each in value.split(b","))


def spelled(protocol: str) -> str:
    """A protocol as people write it."""
    return protocol.replace("h", "HTTP/") if protocol in {"h2", "h3"} else protocol.upper()


def spoken_as[M: (Request, Response)](message: M, version: str) -> M:
    """The message, which came in another version of HTTP than the one it is shown as."""
    vars(message)[_SPOKEN] = version
    return message


def version_of(message: Request | Response) -> str:
    """The version of HTTP in which a message came, as Via writes it."""
    spoken: str | None = vars(message).get(_SPOKEN)
    return message.http_version.removeprefix("HTTP/") if spoken is None else spoken


def malformed(message: str, *, status: int | None = None) -> Unnameable:
    """A request that breaks the protocol, with the sentence that says how."""
    return Unnameable(refusal(Reason.MALFORMED_REQUEST, message, status=status))


def mismatched(message: str, *, status: int) -> Unnameable:
    """Two names in one request that should be one."""
    return Unnameable(refusal(Reason.NAME_MISMATCH, message, status=status))


def read_method(request: Request) -> str:
    """The method: upper case, so that no spelling of it is a different one for the backend."""
    if request.data.http_version not in _VERSIONS:
        raise malformed("the request is neither HTTP/1.0 nor HTTP/1.1")
    method = request.data.method.decode("latin-1")
    if _METHOD.fullmatch(method) is None:
        raise malformed("the method is no upper-case word")
    return method


def read_fields(request: Request, limit: int) -> Fields:
    """All fields as they were received; raises Unnameable for bad ones, doubled ones and more than `limit`."""
    raw = request.headers.fields
    if len(raw) > limit:
        raise Unnameable(refusal(Reason.HEAD_TOO_LARGE, f"more than {limit} header fields"))
    try:
        fields = Fields.of(raw)
    except Malformed as problem:
        raise malformed(str(problem)) from None
    if doubled := fields.repeated():
        raise malformed(f"field `{doubled[0]}` occurs more than once")
    return fields


def read_size(fields: Fields) -> int | None:
    """The size of the body in bytes as the head states it; None if only its end will tell."""
    lengths, codings = fields.get_all(CONTENT_LENGTH), fields.get_all(TRANSFER_ENCODING)
    if lengths and codings:
        raise malformed("`transfer-encoding` and `content-length` in one request")
    if codings:
        if [each.strip().lower() for each in codings] != ["chunked"]:
            raise malformed("`transfer-encoding` other than `chunked`")
        return None
    if not lengths:
        return 0
    if _LENGTH.fullmatch(lengths[0]) is None:
        raise malformed("`content-length` is no number")
    return int(lengths[0])


def check_expectation(fields: Fields) -> None:
    """Refuse expectations other than 100-continue (RFC 9110 section 10.1.1)."""
    if any(each.strip().lower() != "100-continue" for each in fields.get_all(EXPECT)):
        raise malformed("`expect` other than `100-continue`", status=417)


def hops_left(method: str, fields: Fields) -> int | None:
    """How many hops an OPTIONS may still make behind this one; None if it does not count (RFC 9110 section 7.6.2)."""
    counts = fields.get_all(MAX_FORWARDS)
    if method != "OPTIONS" or not counts:
        return None
    if _LENGTH.fullmatch(counts[0]) is None:
        raise malformed("`max-forwards` is no number")
    if counts[0] == "0":
        raise Unnameable(refusal(Reason.PROTOCOL_REFUSED, "the request is not to be forwarded"))
    return int(counts[0]) - 1


def read_host(request: Request, fields: Fields) -> str | None:
    """The Host field as it was written; None only where HTTP/1.0 leaves it out."""
    hosts = fields.get_all(HOST)
    if len(hosts) > 1:
        raise malformed("field `host` occurs more than once")
    if not hosts and request.data.http_version == b"HTTP/1.1":
        raise malformed("field `host` is missing")
    return hosts[0] if hosts else None


def is_websocket(request: Request, fields: Fields) -> bool:
    """Whether this is a complete WebSocket handshake, with nothing before the frames (RFC 6455 section 4.1)."""
    return (
        request.data.http_version == b"HTTP/1.1"
        and request.data.method == b"GET"
        and [each.strip().lower() for each in fields.get_all(UPGRADE)] == ["websocket"]
        and "upgrade" in _options(fields)
        and fields.get_all(_WEBSOCKET_VERSION) == ("13",)
        and len(fields.get_all(_WEBSOCKET_KEY)) == 1
        and read_size(fields) == 0
    )


def wants_close(request: Request, fields: Fields) -> bool:
    """Whether the client will send nothing more on its connection (RFC 9112 section 9.3)."""
    options = _options(fields)
    if request.data.http_version == b"HTTP/1.0":
        return "keep-alive" not in options
    return "close" in options


def is_clean(response: Response) -> bool:
    """Whether an answer's fields hold nothing that could end them early for somebody: no CR, LF, NUL or the like."""
    return all(field_value_problem(value) is None for _, value in response.headers.fields)


def _options(fields: Fields) -> frozenset[str]:
    return frozenset(
        option.strip().lower() for line in fields.get_all(CONNECTION) for option in line.split(",") if option.strip()
    )
