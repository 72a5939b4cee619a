"""What stands in front of the whole admin side: who asks, from where, and how much, before anything else is looked at.

- The host is an address, `localhost` or a name of the configuration: a page of somebody else's, whose name was made to
  mean this machine (DNS rebinding), is asked for under another one.
- Nothing but a few pages and the two questions of load balancers is answered without a token or a session.
- A browser says where a request comes from (Sec-Fetch-Site, Origin): other origins, other ports of this machine too,
  cannot use a session, nor change anything. A session needs the key that its page keeps, besides the cookie.
- Bodies are JSON and small. What goes wrong inside is told to nobody.

Written as plain ASGI, so that no route can be added that is not behind it.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import TYPE_CHECKING, Any, Final

from starlette.exceptions import HTTPException

from gateway.admin.answers import FIELDS, NO_STORE, problem, problem_fields
from gateway.admin.invitation import accept
from gateway.admin.sessions import COOKIE, KEY
from gateway.policy.errors import Malformed
from gateway.policy.names import Host, parse_authority

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, MutableMapping

    from gateway.admin.attempts import Attempts
    from gateway.admin.sessions import Sessions
    from gateway.admin.token import Secret

    type Message = MutableMapping[str, Any]
    type Receive = Callable[[], Awaitable[Message]]
    type Send = Callable[[Message], Awaitable[None]]
    type App = Callable[[Message, Receive, Send], Awaitable[None]]

MOST_BODY: Final = 64 * 1024
SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PUBLIC: Final = frozenset({"/healthz", "/readyz"})
_METRICS: Final = "/metrics"
_SESSION: Final = "/api/v1/session"
_LOCALHOST: Final = Host.parse("localhost")
_OWN_SITE: Final = frozenset({"same-origin", "none"})
_log: Final = logging.getLogger(__name__)


class Stopped(Exception):  # noqa: N818 - it says what happened
    """A request is answered here and goes no further."""

    def __init__(self, status: int, detail: str, *fields: tuple[bytes, bytes]) -> None:
        super().__init__(detail)
        self.status, self.detail, self.fields = status, detail, fields


@dataclass(frozen=True, slots=True)
class Asked:
    """The head of a request, as far as it is judged by."""

    method: str
    path: str
    client: str
    scheme: str
    fields: tuple[tuple[bytes, bytes], ...]

    @classmethod
    def of(cls, scope: Message) -> Asked:
        """From the scope of a request."""
        client = scope.get("client") or ("unknown", 0)
        return cls(
            str(scope["method"]), str(scope["path"]), str(client[0]), str(scope["scheme"]), tuple(scope["headers"])
        )

    def every(self, name: bytes) -> list[str]:
        """All values of a field."""
        return [value.decode("latin-1") for key, value in self.fields if key == name]

    def one(self, name: bytes) -> str | None:
        """The value of a field that may stand there once. Raises Stopped."""
        found = self.every(name)
        if len(found) > 1:
            raise Stopped(400, f"the field `{name.decode()}` stands there more than once")
        return found[0] if found else None

    @property
    def changes(self) -> bool:
        """Whether it is made to change something."""
        return self.method not in SAFE

    @property
    def session(self) -> str | None:
        """The id of a session, as a browser keeps it."""
        try:
            cookies = SimpleCookie("; ".join(self.every(b"cookie")))
        except CookieError:
            return None
        return cookies[COOKIE].value if COOKIE in cookies else None

    @property
    def bearer(self) -> str | None:
        """The token in Authorization (RFC 6750 section 2.1)."""
        scheme, _, token = (self.one(b"authorization") or "").partition(" ")
        return token.strip() if scheme.lower() == "bearer" else None


@dataclass(frozen=True, slots=True)
class Guard:
    """Lets requests through to `app`. `hosts` are names of the configuration; `pages` are paths without a secret."""

    app: App
    token: Secret
    metrics: Secret
    sessions: Sessions
    attempts: Attempts
    hosts: frozenset[str] = frozenset()
    pages: frozenset[str] = frozenset()
    open_metrics: bool = False

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Answer a request, or have it answered."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":
            await send({"type": "websocket.close", "code": 1008})
            return
        begun = False

        async def told(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(_with_fields(message))

        try:
            asked = Asked.of(scope)
            self._check_host(asked)
            scope.setdefault("state", {})["who"] = self._who(asked)
            _check_body(asked)
            await self.app(scope, _bounded(receive), told)
        except Stopped as stopped:
            if not begun:
                await _tell(send, stopped)
        except Exception as error:  # noqa: BLE001 - nobody is told what went wrong inside
            _log.error("%s %s failed: %s", scope["method"], scope["path"], type(error).__name__)
            if not begun:
                await _tell(send, Stopped(500, "the admin side failed, requests are served all the same"))

    def _check_host(self, asked: Asked) -> None:
        """An address, this machine's own name, or one that the configuration knows (any port: it may be forwarded)."""
        given = asked.every(b"host")
        try:
            (written,) = given
            host, _ = parse_authority(written, 80)
        except (ValueError, Malformed):
            raise Stopped(400, "the field `host` is missing or cannot be read") from None
        if host.address is None and host != _LOCALHOST and host.text not in self.hosts:
            raise Stopped(421, "this name is not one of the admin side, add it to `admin.hosts`, or use the address")

    def _who(self, asked: Asked) -> str | None:
        """Who asks, in words for the log; None for what needs no secret. Raises Stopped."""
        if asked.changes or asked.session is not None:
            _check_origin(asked)
        if asked.path in _PUBLIC or asked.path in self.pages or (asked.path == _METRICS and self.open_metrics):
            return None
        if asked.path == _SESSION and asked.method == "POST":
            return None
        if (given := asked.bearer) is not None:
            return self._by_token(asked, given)
        self.token.look()
        if (identifier := asked.session) is not None:
            found = self.sessions.find(identifier, asked.one(KEY.encode()) or "", self.token.changes)
            if found is not None:
                return f"admin-api session {found.name} from {asked.client}"
        raise Stopped(
            401,
            "send the token of `admin-token` in the state folder as `Authorization: Bearer`, or sign in at `/`",
            (b"www-authenticate", b'Bearer realm="wicketgate admin"'),
        )

    def _by_token(self, asked: Asked, given: str) -> str:
        self.check_token(asked.client, given, for_metrics=asked.path == _METRICS)
        return f"admin-api token from {asked.client}"

    def check_token(self, client: str, given: str, *, for_metrics: bool = False) -> None:
        """Whether this is the token. Raises Stopped, and counts the attempt."""
        self._check_attempts(client)
        if self.token.is_it(given) or (for_metrics and self.metrics.is_it(given)):
            return
        self.attempts.failed(client)
        raise Stopped(401, "this is not the token", (b"www-authenticate", b'Bearer error="invalid_token"'))

    def check_code(self, client: str, given: str) -> None:
        """Whether this is the code of a link that still works. Raises Stopped, and counts the attempt."""
        self._check_attempts(client)
        self.token.look()
        if not accept(self.token.state, given):
            self.attempts.failed(client)
            raise Stopped(401, "this link was used already, or is too old, `wicketgate admin link` makes another one")

    def _check_attempts(self, client: str) -> None:
        if wait := self.attempts.wait(client):
            raise Stopped(429, "too many wrong tokens, wait", (b"retry-after", b"%d" % wait))


def _check_origin(asked: Asked) -> None:
    """A browser that comes from elsewhere is turned away; what is no browser says nothing of this."""
    site, origin = asked.one(b"sec-fetch-site"), asked.one(b"origin")
    own = f"{asked.scheme}://{asked.one(b'host')}"
    foreign = (site is not None and site not in _OWN_SITE) or (origin is not None and origin.lower() != own.lower())
    if foreign and not (asked.method in SAFE and asked.one(b"sec-fetch-mode") == "navigate"):
        raise Stopped(403, "this was asked for by a page of another origin")


def _check_body(asked: Asked) -> None:
    if not asked.changes:
        return
    length, kind = asked.one(b"content-length"), asked.one(b"content-type")
    if length is not None and (not length.isdigit() or int(length) > MOST_BODY):
        raise Stopped(413, f"a body has at most {MOST_BODY} bytes")
    has_body = length not in {None, "0"} or asked.one(b"transfer-encoding") is not None
    if has_body and (kind or "").partition(";")[0].strip().lower() != "application/json":
        raise Stopped(415, "send JSON: `Content-Type: application/json`")


def _bounded(receive: Receive) -> Receive:
    """The same body, as long as it is not too large."""
    read = 0

    async def bounded() -> Message:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > MOST_BODY:
            raise HTTPException(413, f"a body has at most {MOST_BODY} bytes")
        return message

    return bounded


def _with_fields(message: Message) -> Message:
    if message["type"] != "http.response.start":
        return message
    given = [(key.lower(), value) for key, value in message.get("headers", [])]
    known = {key for key, _ in given}
    return {**message, "headers": [*given, *(each for each in (*FIELDS, NO_STORE) if each[0] not in known)]}


async def _tell(send: Send, stopped: Stopped) -> None:
    body = problem(stopped.status, stopped.detail)
    fields = problem_fields(body, stopped.fields)
    await send({"type": "http.response.start", "status": stopped.status, "headers": fields})
    await send({"type": "http.response.body", "body": body})
