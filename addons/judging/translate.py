"""From mitmproxy's words to facts: every value canonical, and a refusal for what has no canonical form.

What is judged here is what is sent: `Head` carries the facts together with the target and the fields as they go out.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Final

from mitmproxy.net.http.http1 import expected_http_body_size

from addons.judging import heads
from addons.judging.exchange import known
from addons.judging.forwarded import client_address, client_scheme, is_trusted
from addons.judging.heads import Unnameable, malformed, mismatched
from addons.judging.refusals import Refusal, refusal
from addons.judging.remembered import known_answer, known_request
from addons.passing.fields import kept_of_request
from gateway.pages import home
from gateway.pages.home import Home
from gateway.policy.errors import Malformed, TooLong
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, Facts, Mode, Reason
from gateway.policy.names import Host, parse_authority
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules

if TYPE_CHECKING:
    from mitmproxy.http import HTTPFlow, Request, Response
    from mitmproxy.tls import ClientHello

    from addons.judging.exchange import ConnectionState
    from gateway.config.settings import LimitSettings
    from gateway.policy.addresses import Address
    from gateway.policy.model import Fact

_PORTS: Final = {"http": 80, "https": 443}
_NO_PORT: Final = 0
_SERVER_NAME: Final = 0
_SUPPORTED_VERSIONS: Final = 43
_TLS_VERSIONS: Final = {b"\x03\x04": "1.3", b"\x03\x03": "1.2", b"\x03\x02": "1.1", b"\x03\x01": "1.0"}
_BY_CERTIFICATE: Final = "certificate"
_LEGACY_VERSION: Final = slice(0, 2)


@dataclass(frozen=True, slots=True)
class Head:
    """A request that can be judged: its facts, the fields that go on, and whether the client stays afterwards."""

    facts: Facts
    fields: tuple[tuple[bytes, bytes], ...]
    last: bool


@dataclass(frozen=True, slots=True)
class Place:
    """Where a request asks to go, by all the names in it together."""

    scheme: str
    host: Host
    port: int

    @property
    def written(self) -> str:
        """The place as the Host field says it: the port only where it is not the scheme's own."""
        return self.host.authority(self.port, _PORTS[self.scheme])


def connection_facts(state: ConnectionState, now: float) -> Facts:
    """What is known of a connection before a byte was read. Behind a trusted proxy the client is not known yet."""
    client: Fact[Address] = UNKNOWN if _is_trusted(state) else state.peer
    return Facts(
        now=now,
        client_ip=client,
        user=ABSENT if state.identity is None else state.identity.name,
        groups=ABSENT,
        identity_method=ABSENT if state.identity is None else _BY_CERTIFICATE,
    )


def connect_facts(state: ConnectionState, flow: HTTPFlow, now: float, limits: LimitSettings) -> Facts | Refusal:
    """What a CONNECT asks for. The method and the path of a tunnel's inside stay unknown."""
    try:
        return _connect_facts(state, flow.request, now, limits)
    except Unnameable as problem:
        return problem.refusal


def _connect_facts(state: ConnectionState, request: Request, now: float, limits: LimitSettings) -> Facts:
    heads.read_method(request)
    fields = heads.read_fields(request, limits.fields)
    if state.mode is not Mode.FORWARD or state.in_tunnel or state.original is not None:
        raise Unnameable(refusal(Reason.PROTOCOL_REFUSED, "CONNECT is not accepted here"))
    if heads.read_size(fields) != 0:
        raise malformed("a CONNECT has no body")
    host, port = _authority(heads.line_of(request).authority, _NO_PORT)
    if port == _NO_PORT:
        raise malformed("a CONNECT has to name a port")
    _agree(heads.read_host(request, fields), host, port, default=port, status=400)
    return connection_facts(state, now).learning(client_ip=_client(state, fields), host=host, port=port, connect=True)


def hello_facts(state: ConnectionState, facts: Facts, hello: ClientHello) -> Facts | Refusal:
    """What a TLS hello adds: the name it asks for, which has to be the one of the CONNECT, and the best version."""
    try:
        name = server_name(hello)
        if isinstance(name, Host) and state.connect_host not in (None, name):
            raise mismatched(f"the TLS hello asks for `{name}` in a tunnel to `{state.connect_host}`", status=421)
        return facts.learning(tls_sni=name, tls_version=_offered_version(hello))
    except Unnameable as problem:
        return problem.refusal


def server_name(hello: ClientHello) -> Fact[Host]:
    """The name that a TLS hello asks for. Raises Unnameable for one that is none."""
    kinds = [kind for kind, _ in hello.extensions]
    if len(set(kinds)) < len(kinds):
        raise malformed("the TLS hello says something twice")
    if hello.sni is None:
        if _SERVER_NAME in kinds:
            raise malformed("the TLS hello asks for a name that is none")
        return ABSENT
    try:
        return Host.parse(hello.sni)
    except Malformed as problem:
        raise malformed(str(problem)) from None


def _offered_version(hello: ClientHello) -> Fact[str]:
    """The best version that the client offers: the handshake will choose it, or fail."""
    listed = next((body for kind, body in hello.extensions if kind == _SUPPORTED_VERSIONS), None)
    if listed is None:
        return _TLS_VERSIONS.get(hello.raw_bytes(wrap_in_record=False)[_LEGACY_VERSION], UNKNOWN)
    offered = {listed[at : at + 2] for at in range(1, len(listed), 2)}
    return next((name for code, name in _TLS_VERSIONS.items() if code in offered), UNKNOWN)


def request_head(state: ConnectionState, flow: HTTPFlow, now: float, limits: LimitSettings) -> Head | Refusal:
    """A request inside its connection, or the refusal of one that cannot be named."""
    known = known_request(flow.request)
    if known is None:
        return _named(state, flow.request, now, limits)
    conditions = _conditions(state, limits)
    head = known.head_under(conditions)
    if head is not None:
        return Head(head.facts.learning(now=now), head.fields, head.last)
    named = _named(state, flow.request, now, limits)
    if isinstance(named, Head):
        known.learn(named, conditions)
    return named


def _conditions(state: ConnectionState, limits: LimitSettings) -> tuple[object, ...]:
    """All that says, besides the head, what is read in it. Whose connection it is does not change."""
    listener = state.listener
    return (
        *(listener.settings, listener.routes, limits, state.identity, state.original),
        *(state.connect_host, state.connect_port, state.tls_sni, state.tls_version, state.inspected),
    )


def _named(state: ConnectionState, request: Request, now: float, limits: LimitSettings) -> Head | Refusal:
    try:
        return _request_head(state, request, now, limits)
    except Unnameable as problem:
        return problem.refusal
    except TooLong as problem:
        return refusal(Reason.TARGET_TOO_LONG, str(problem))
    except Malformed as problem:
        return refusal(Reason.MALFORMED_REQUEST, str(problem))


def _request_head(state: ConnectionState, request: Request, now: float, limits: LimitSettings) -> Head:
    line = heads.line_of(request)
    if line.problem is not None:
        raise Unnameable(line.problem)
    method = heads.read_method(request)
    if method in {"TRACE", "CONNECT"}:
        raise Unnameable(refusal(Reason.PROTOCOL_REFUSED, f"{method} is not accepted here", status=405))
    received = heads.read_fields(request, limits.fields)
    heads.check_expectation(received)
    hops = heads.hops_left(method, received)
    place = _place(state, request, received)
    target = Target.parse(request.data.path, _target_rules(state, limits.target))
    if target.path == "*" and method != "OPTIONS":
        raise malformed("the target `*` belongs to OPTIONS alone")
    kept = kept_of_request(received, state.mode, is_trusted=_is_trusted(state))
    websocket = heads.is_websocket(request, received)
    size = heads.read_size(received)
    facts = Facts(
        now=now,
        client_ip=_client(state, received),
        user=ABSENT if state.identity is None else state.identity.name,
        groups=ABSENT,
        identity_method=ABSENT if state.identity is None else _BY_CERTIFICATE,
        host=place.host,
        port=place.port,
        scheme=place.scheme,
        method=method,
        target=target,
        headers=_judged_fields(received, kept, place),
        request_size=UNKNOWN if size is None else size,
        tls_sni=state.tls_sni,
        tls_version=state.tls_version,
        tls_inspected=state.inspected,
        protocol="websocket" if websocket else line.protocol,
        connect=state.in_tunnel,
    )
    outgoing = _outgoing(request, kept, place, websocket=websocket)
    return Head(facts, outgoing if hops is None else _with_hops(outgoing, hops), heads.wants_close(request, received))


def _target_rules(state: ConnectionState, longest: int) -> TargetRules:
    """An encoded slash is read if any route of the listener wants it; all others refuse it when they are found."""
    routes = state.listener.routes
    return _rules(state.mode, longest, keeps=routes is not None and routes.keeps_slashes)


@cache
def _rules(mode: Mode, longest: int, *, keeps: bool) -> TargetRules:
    if mode is Mode.FORWARD:
        return replace(FORWARD_RULES, max_length=longest)
    return replace(REVERSE_RULES, max_length=longest, encoded_slash="keep" if keeps else "refuse")


def _place(state: ConnectionState, request: Request, received: Fields) -> Place:
    written = heads.read_host(request, received)
    if state.mode is Mode.REVERSE:
        return _place_behind(state, request, received, written)
    if state.in_tunnel:
        return _place_in_tunnel(state, request, written)
    if state.original is not None:
        return _place_redirected(state.original[1], request, written)
    return _place_by_target(state, request, written)


def _place_by_target(state: ConnectionState, request: Request, written: str | None) -> Place:
    """On a proxy port the target names the place; Host has to agree (RFC 9112 section 3.2.2)."""
    line = heads.line_of(request)
    if line.form != "absolute":
        if Home(state.reached, state.known_as).is_asked(request.method, request.data.path.decode("latin-1"), written):
            return Place("http", home.NAME, home.PORT)
        raise malformed("a request to a proxy has to name its destination: `http://host/path`")
    if line.scheme.lower() != "http":
        raise malformed("a proxy is asked for `http` alone, everything else goes through CONNECT")
    host, port = _authority(line.authority, _PORTS["http"])
    _agree(written, host, port, default=_PORTS["http"], status=400)
    return Place("http", host, port)


def _place_in_tunnel(state: ConnectionState, request: Request, written: str | None) -> Place:
    """In a tunnel the CONNECT named the place; Host has to agree."""
    host, port = state.connect_host, state.connect_port
    if host is None or port is None:
        raise LookupError("a tunnel without a destination")
    if heads.line_of(request).form != "origin":
        raise malformed("an absolute target is not accepted in a tunnel")
    scheme = "http" if state.inspected is ABSENT else "https"
    _agree(written, host, port, default=_PORTS[scheme], status=421)
    return Place(scheme, host, port)


def _place_redirected(port: int, request: Request, written: str | None) -> Place:
    """On a connection that was redirected here Host names the place; the port is the one it was on its way to."""
    if written is None:
        raise malformed("field `host` is missing")
    if heads.line_of(request).form != "origin":
        raise malformed("an absolute target is not accepted from a client that knows of no proxy")
    host, named = _authority(written, port)
    if named != port:
        raise mismatched(f"`host` names port {named} on a connection to port {port}", status=421)
    return Place("http", host, port)


def _place_behind(state: ConnectionState, request: Request, received: Fields, written: str | None) -> Place:
    """In reverse mode Host names the place; an absolute target and the TLS hello have to agree.

    Where TLS ends at a trusted proxy, the scheme is the one that it was asked for.
    """
    if written is None:
        raise malformed("field `host` is missing")
    scheme = "http" if state.inspected is ABSENT else "https"
    if _is_trusted(state):
        scheme = client_scheme(scheme, received.get_all("x-forwarded-proto"))
    host, port = _authority(written, _PORTS[scheme])
    line = heads.line_of(request)
    if line.form != "origin":
        if line.scheme.lower() != scheme:
            raise malformed(f"the target names another scheme than `{scheme}`")
        _agree(line.authority, host, port, default=_PORTS[scheme], status=400)
    if isinstance(state.tls_sni, Host) and state.tls_sni != host:
        raise mismatched("`host` names another host than the TLS hello", status=421)
    return Place(scheme, host, port)


def _agree(written: str | None, host: Host, port: int, *, default: int, status: int) -> None:
    """Refuse a Host that names something else; a Host that is left out (HTTP/1.0) names nothing."""
    if written is not None and _authority(written, default) != (host, port):
        raise mismatched(f"`host` does not name `{host.authority(port, default)}`", status=status)


def _authority(text: str, default: int) -> tuple[Host, int]:
    try:
        return parse_authority(text, default)
    except Malformed as problem:
        raise malformed(str(problem)) from None


def _is_trusted(state: ConnectionState) -> bool:
    return is_trusted(state.peer, state.listener.settings.trusted_proxies)


def _client(state: ConnectionState, fields: Fields) -> Address:
    trusted = state.listener.settings.trusted_proxies
    if not trusted:
        return state.peer
    return client_address(state.peer, trusted, fields.get_all("x-forwarded-for"))


def _judged_fields(received: Fields, kept: tuple[bool, ...], place: Place) -> Fields:
    host = (heads.HOST, place.written)
    return Fields(
        (host, *(field for field, keep in zip(received, kept, strict=True) if keep and field[0] != heads.HOST))
    )


def _outgoing(
    request: Request, kept: tuple[bool, ...], place: Place, *, websocket: bool
) -> tuple[tuple[bytes, bytes], ...]:
    host = (b"Host", place.written.encode("ascii"))
    raw = zip(request.headers.fields, kept, strict=True)
    rest = [field for field, keep in raw if keep and field[0].lower() != b"host"]
    upgrade = [(b"Connection", b"Upgrade"), (b"Upgrade", b"websocket")] if websocket else []
    return (host, *rest, *upgrade)


def _with_hops(fields: tuple[tuple[bytes, bytes], ...], hops: int) -> tuple[tuple[bytes, bytes], ...]:
    count = b"%d" % hops
    return tuple((name, count if name.lower() == b"max-forwards" else value) for name, value in fields)


def write_head(flow: HTTPFlow, head: Head) -> None:
    """Make the request the one that was judged. Where it is dialled is written by the dialling part."""
    request, target = flow.request, known(head.facts.target)
    request.data.authority = b""
    request.data.path = target.sent.encode("ascii")
    request.headers.fields = head.fields  # names and values as they were read, which need no second check


def response_facts(facts: Facts, request: Request, response: Response, up: int) -> Facts:
    """What an answer adds. A body that states no length is unknown in size.

    A request's body that stated none is as large as what has gone `up` so far, in bytes: a rule may ask for it together
    with the answer, and it is asked again when more goes up.
    """
    known = known_answer(response)
    size = _size(request, response) if known is None else known.length
    kind = None if known is None else known.kind
    if kind is None:
        kind = _kind(response)
    if known is not None:
        known.kind = kind
    return facts.learning(
        request_size=up if facts.request_size is UNKNOWN else facts.request_size,
        response_status=response.status_code,
        response_size=size if size is not None and size >= 0 else UNKNOWN,
        response_type=kind or ABSENT,
    )


def _size(request: Request, response: Response) -> int | None:
    try:
        size: int | None = expected_http_body_size(request, response)
    except ValueError:
        return None
    return size


def _kind(response: Response) -> str:
    said: str = response.headers.get("content-type", "")
    return said.partition(";")[0].strip().lower()
