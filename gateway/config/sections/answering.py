"""What a route does by itself: a redirect, or a fixed response; and what becomes of the path that is sent."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.nodes import Scalar
from gateway.policy.language.operands import PREFIX
from gateway.policy.language.records import Values, optional, record, required
from gateway.policy.language.scalars import choice, integer, text
from gateway.policy.language.shapes import Read, Shape, Spot, described
from gateway.policy.problems import Place, Problem
from gateway.upstreams.answers import MOST_BODY, FixedResponse, Kept, Redirect, RedirectStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.config.settings import RouteSettings
    from gateway.policy.language.nodes import Mapping, Node

_MOST_WRITTEN: Final = 65_536
_BODILESS: Final = frozenset({204, 205})
_NEEDS_MORE: Final = {
    206: "Content-Range",
    401: "WWW-Authenticate",
    405: "Allow",
    407: "Proxy-Authenticate",
    426: "Upgrade",
}
_REDIRECTS: Final = range(300, 400)
_MEDIA_TYPE: Final = re.compile(r"[a-z0-9!#$&^_.+-]+/[a-z0-9!#$&^_.+-]+(?:; ?charset=[A-Za-z0-9-]+)?")
_PLAIN: Final = "text/plain; charset=utf-8"

_STATUSES: Final[tuple[RedirectStatus, ...]] = ("308", "301", "302", "303", "307")
_KEEPS: Final[tuple[Kept, ...]] = ("path-and-query", "query", "nothing")
_TO: Final = required("to", text("a URL, like `https://shop.example`"), "Where the client is led.")
_STATUS: Final = optional("status", choice(_STATUSES), "How it is led.", _STATUSES[0])
_KEEP: Final = optional("keep", choice(_KEEPS), "What of the request goes along.", None)
REDIRECT: Final = record(
    (_TO, _STATUS, _KEEP),
    lambda values: Redirect.to(values[_TO], int(values[_STATUS]), values[_KEEP]),
    wanted='a redirect, like `{to: "https://shop.example"}`',
)
"""A redirect."""


def _read_body(node: Node, spot: Spot) -> Read[str]:
    if not isinstance(node, Scalar) or node.value is None or not node.text:
        return spot.complain(f"{described(node)} cannot stand here, here belongs a text")
    if len(node.text) > _MOST_WRITTEN:
        return spot.complain(f"the text is longer than {_MOST_WRITTEN} characters, put it into a `file`")
    return node.text


def _media_type(value: str) -> str:
    if _MEDIA_TYPE.fullmatch(value) is None:
        raise Malformed(f"{quoted(value)} is no media type, write one like `text/html; charset=utf-8`")
    return value


def _check_body(node: Mapping, spot: Spot) -> None:
    if node.get("body") is not None and node.get("file") is not None:
        spot.complain("`body` and `file` cannot stand together: an answer has one body")
    if node.get("type") is not None and node.get("body") is None and node.get("file") is None:
        spot.complain("`type` needs `body` or `file` beside it: without a body there is nothing to name")


_RESPONSE_STATUS: Final = required("status", integer(200, 599, "a status, like `503`"), "The status.")
_BODY: Final = optional("body", Shape("a text", {"type": "string"}, _read_body), "The body.", "")
_FILE: Final = optional("file", text("the path of a file"), "The file that holds the body.", None)
_TYPE: Final = optional("type", text("a media type, like `text/html`").then(_media_type), "What the body is.", _PLAIN)


def _response(values: Values) -> Read[tuple[FixedResponse, Path | None]]:
    status, file = values[_RESPONSE_STATUS], values[_FILE]
    if status in _REDIRECTS:
        raise Malformed(f"status `{status}` leads elsewhere, write `redirect` in the place of `respond`")
    if status in _NEEDS_MORE:
        raise Malformed(f"status `{status}` needs a field `{_NEEDS_MORE[status]}`, which a fixed response has not")
    if status in _BODILESS and (values[_BODY] or file):
        raise Malformed(f"an answer with status `{status}` has no body, leave it out")
    body = values[_BODY].encode()
    return FixedResponse(status, body, values[_TYPE] if body or file else ""), None if file is None else Path(file)


RESPOND: Final = record(
    (_RESPONSE_STATUS, _BODY, _FILE, _TYPE),
    _response,
    wanted="a response, like `{status: 503, body: Back at noon}`",
    rules=(_check_body,),
)
"""A fixed response, with the file that its body is read from, if there is one."""

_PUT: Final = required("prefix", PREFIX, "What stands at the beginning of the path that is sent.")
REWRITE: Final = record((_PUT,), lambda values: values[_PUT], wanted="a rewriting, like `{prefix: /v1}`")
"""What is put at the beginning of the path that is sent."""


def with_body_from(
    base: Path, route: RouteSettings, problems: list[Problem], found: Callable[[Path], Path] = lambda path: path
) -> RouteSettings:
    """The route with the body that its file, found from `base`, holds; what is wrong with it is a problem.

    `found` says where that file lies, if not where it is said.
    """
    if route.body is None or not isinstance(route.answer, FixedResponse):
        return route
    path, place = base / route.body, route.place or Place(str(route.body), 1, 1)
    try:
        with found(path).open("rb") as file:
            body = file.read(MOST_BODY + 1)
    except OSError as error:
        reason = (error.strerror or "it cannot be read").lower()
        problems.append(Problem(place, "respond.file", f"{quoted(str(path))} cannot be read: {reason}"))
        return route
    if len(body) > MOST_BODY:
        problems.append(Problem(place, "respond.file", f"{quoted(str(path))} is larger than {MOST_BODY} bytes"))
    return replace(route, answer=replace(route.answer, body=body), body=path)
