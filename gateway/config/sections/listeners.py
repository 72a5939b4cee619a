"""The section `listeners`: where connections are accepted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.endpoints import parse_bind
from gateway.config.sections.common import not_yet
from gateway.config.sections.parents import PARENT_RULE
from gateway.config.sections.routes import ROUTES
from gateway.config.sections.server_tls import SERVER_TLS
from gateway.config.settings import Entry, ListenerSettings, ParentRule, RouteSettings
from gateway.policy.language.nodes import Mapping, Scalar
from gateway.policy.language.operands import NETWORK
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, choice, integer, kebab, text
from gateway.policy.language.shapes import Read, Spot, sequence
from gateway.policy.model import Mode
from gateway.upstreams.safety import PRESETS

if TYPE_CHECKING:
    from gateway.policy.addresses import Network

_MODES: Final = (Mode.FORWARD, Mode.REVERSE)

NAME: Final = required("name", kebab("a name, like `egress`"), "The name of the listener in records.")
_MODE: Final = required("mode", choice(_MODES), "Which way the listener faces.")
BIND: Final = required("bind", text("an address, like `127.0.0.1:8080`").then(parse_bind), "Where it listens.")
_POLICY: Final = required("policy", text("the path of a policy"), "The policy, found from where this file lies.")
_ROUTES: Final[Key[tuple[RouteSettings, ...]]] = optional(
    "routes", ROUTES, "Where a reverse listener sends what it lets in.", ()
)
_TRUSTED: Final = optional(
    "trusted_proxies",
    sequence(NETWORK, "[10.0.0.0/24]", may_be_empty=True),
    "Proxies whose word on the client counts.",
    (),
)
_UNVERIFIED: Final = optional("unsafe_skip_verify", BOOLEAN, "Dial TLS servers without checking them.", default=False)

_HTTP2: Final = optional("http2", BOOLEAN, "Offer HTTP/2 to clients with TLS, and to servers with TLS.", default=True)
_HTTP3: Final = optional("http3", BOOLEAN, "Offer HTTP/3 to clients of a reverse listener with TLS.", default=False)
_HTTP3_PORT: Final = optional("http3_port", integer(1, 65535), "The port of UDP that clients are told of.", 0)
_SECURITY: Final = optional(
    "security_fields", choice(PRESETS), "What is filled into answers of a reverse listener.", PRESETS[0]
)
_TLS: Final = optional("tls", SERVER_TLS, "TLS of a reverse listener.", None)
_FROM: Final = required("from", sequence(NETWORK, "[10.0.0.0/24]"), "The balancers that say who the client is.")
_PROXY_PROTOCOL: Final[Key[tuple[Network, ...]]] = optional(
    "proxy_protocol",
    record((_FROM,), lambda values: values[_FROM], wanted="balancers, like `{from: [10.0.0.0/24]}`"),
    "Balancers that begin every connection with a PROXY header.",
    (),
)

_PARENT: Final[Key[tuple[ParentRule, ...]]] = optional(
    "parent", sequence(PARENT_RULE, "[{via: head-office}]"), "Which hosts are reached through other proxies.", ()
)
_ENTRIES: Final[tuple[Entry, ...]] = ("proxy", "socks5", "transparent")
_ENTRY: Final = optional("entry", choice(_ENTRIES), "How clients say where they want to go.", _ENTRIES[0])


def _check_entry(node: Mapping, spot: Spot) -> None:
    mode, entry, trusted = node.get("mode"), node.get("entry"), node.get("trusted_proxies")
    if entry is not None and isinstance(mode, Scalar) and mode.text == Mode.REVERSE:
        spot.key("entry", entry).complain("a reverse listener has one entry, leave `entry` out")
    elif trusted is not None and isinstance(entry, Scalar) and entry.text in _ENTRIES[1:]:
        sentence = f"nobody speaks for another client on a `{entry.text}` listener, leave `trusted_proxies` out"
        spot.key("trusted_proxies", trusted).complain(sentence)


def _check_front(node: Mapping, spot: Spot) -> None:
    mode, entry, tls, balancers = (node.get(key) for key in ("mode", "entry", "tls", "proxy_protocol"))
    if tls is not None and isinstance(mode, Scalar) and mode.text == Mode.FORWARD:
        spot.key("tls", tls).complain("a forward listener is spoken to without TLS, leave `tls` out")
    security = node.get("security_fields")
    if security is not None and isinstance(mode, Scalar) and mode.text == Mode.FORWARD:
        sentence = "a forward listener leaves answers as they are, leave `security_fields` out"
        spot.key("security_fields", security).complain(sentence)
    if balancers is not None and isinstance(entry, Scalar) and entry.text == "transparent":
        sentence = "what is redirected here comes from no balancer, leave `proxy_protocol` out"
        spot.key("proxy_protocol", balancers).complain(sentence)


def _check_http3(node: Mapping, spot: Spot) -> None:
    """QUIC is TLS: without certificates there is none, and what its library cannot prove safely is not done half."""
    http3, port, tls = (node.get(key) for key in ("http3", "http3_port", "tls"))
    if not isinstance(http3, Scalar) or http3.text != "true":
        if port is not None:
            spot.key("http3_port", port).complain("nothing is told without HTTP/3, add `http3: true` or leave it out")
        return
    here, mode = spot.key("http3", http3), node.get("mode")
    asks = tls.get("client_auth") if isinstance(tls, Mapping) else None
    if isinstance(mode, Scalar) and mode.text == Mode.FORWARD:
        here.complain("a forward listener does not speak HTTP/3, leave `http3` out")
    elif tls is None:
        here.complain("HTTP/3 is TLS always, add `tls` with certificates")
    if isinstance(asks, Scalar) and asks.text != "off":
        here.complain("clients cannot show certificates over HTTP/3 here, leave out `http3` or `client_auth`")
    if node.get("proxy_protocol") is not None:
        here.complain("no PROXY header comes with HTTP/3, leave out `http3` or `proxy_protocol`")


def _check_routes(node: Mapping, spot: Spot) -> None:
    mode, routes = node.get("mode"), node.get("routes")
    facing = mode.text if isinstance(mode, Scalar) else ""
    if facing == Mode.REVERSE and routes is None:
        spot.complain("`routes` is missing: a reverse listener needs one at least, like `[{upstream: app}]`")
    parent = node.get("parent")
    if facing == Mode.REVERSE and parent is not None:
        spot.key("parent", parent).complain("a reverse listener sends requests to its upstreams, leave `parent` out")
    if facing == Mode.FORWARD and routes is not None:
        spot.key("routes", routes).complain("a forward listener has no routes, its clients say where they want to go")


def _listener(values: Values) -> Read[ListenerSettings]:
    return ListenerSettings(
        name=values[NAME],
        mode=values[_MODE],
        bind=values[BIND],
        policy=Path(values[_POLICY]),
        entry=values[_ENTRY],
        parent=values[_PARENT],
        routes=values[_ROUTES],
        trusted_proxies=values[_TRUSTED],
        proxy_protocol=values[_PROXY_PROTOCOL],
        tls=values[_TLS],
        unsafe_skip_verify=values[_UNVERIFIED],
        http2=values[_HTTP2],
        http3=values[_HTTP3],
        http3_port=values[_HTTP3_PORT],
        security_fields=values[_SECURITY],
    )


_LISTENER: Final = record(
    (
        *(NAME, _MODE, BIND, _POLICY, _ENTRY, _PARENT, _ROUTES, _TRUSTED, _PROXY_PROTOCOL, _TLS, _UNVERIFIED),
        *(_HTTP2, _HTTP3, _HTTP3_PORT, _SECURITY),
    ),
    _listener,
    wanted="a listener, like `{name: egress, mode: forward, bind: 127.0.0.1:8080, policy: corporate.yaml}`",
    rules=(_check_entry, _check_front, _check_http3, _check_routes),
    also=not_yet("identity"),
)
LISTENERS: Final = sequence(_LISTENER, "[{name: ..., mode: forward, bind: 127.0.0.1:8080, policy: ...}]")
