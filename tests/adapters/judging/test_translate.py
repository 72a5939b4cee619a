from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.judging import translate
from addons.judging.refusals import Refusal
from addons.tls.hello import HelloReader
from gateway.config.settings import LimitSettings
from gateway.policy.addresses import Address
from gateway.policy.headers import Fields
from gateway.policy.model import ABSENT, UNKNOWN, Facts, Missing, Mode, Reason
from gateway.policy.names import Host
from tests.adapters.hellos import hello_of
from tests.adapters.scene import NOW
from tests.conformance.hellos import Hello

if TYPE_CHECKING:
    from collections.abc import Callable

    from addons.judging.exchange import ConnectionState
    from addons.judging.translate import Head
    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

LIMITS = LimitSettings()


def in_tunnel(scene: Scene, target: str = "site.example:443", *, tls: bool = True) -> ConnectionState:
    """A connection on which a CONNECT was accepted, with TLS that is inspected."""
    client = scene.client()
    state = scene.state(client)
    facts = translate.connect_facts(
        state, scene.flow(client, f"CONNECT {target} HTTP/1.1\nHost: {target}"), NOW, LIMITS
    )
    assert isinstance(facts, Facts)
    state.enter_tunnel(scene.connections.begin(state, facts))
    if tls:
        heard = translate.hello_facts(state, facts, hello_of("site.example"))
        assert isinstance(heard, Facts)
        state.hear(heard)
    return state


def read(scene: Scene, head: str, state: ConnectionState | None = None) -> Head | Refusal:
    """What becomes of a head, on a connection of its own or on the given one."""
    client = scene.client()
    if state is None:
        state = scene.state(client)
    return translate.request_head(state, scene.flow(client, head), NOW, LIMITS)


def place_of(head: Head | Refusal) -> tuple[object, ...]:
    """Scheme, host, port and path of an accepted head."""
    assert not isinstance(head, Refusal), head.decision.message
    facts = head.facts
    assert not isinstance(facts.target, Missing)
    return facts.scheme, str(facts.host), facts.port, facts.target.sent


def refusal_of(head: object) -> tuple[int, Reason]:
    """Status and reason of a refused head."""
    assert isinstance(head, Refusal)
    return head.status, head.decision.reason


@pytest.mark.parametrize(
    ("place", "head"),
    [
        (("http", "site.example", 80, "/a?b=c"), "GET http://site.example/a?b=c HTTP/1.1\nHost: site.example"),
        (("http", "site.example", 80, "/"), "GET http://site.example HTTP/1.1\nHost: site.example"),
        (("http", "site.example", 8080, "/"), "GET http://site.example:8080/ HTTP/1.1\nHost: site.example:8080"),
        (("http", "site.example", 80, "/"), "GET HTTP://Site.EXAMPLE.:80/ HTTP/1.1\nHost: site.example"),
        (("http", "site.example", 80, "/"), "GET http://site.example/ HTTP/1.0"),
        (("http", "127.0.0.1", 80, "/"), "GET http://2130706433/ HTTP/1.1\nHost: 2130706433"),
        (("http", "127.0.0.1", 80, "/"), "GET http://0x7f.1/ HTTP/1.1\nHost: 127.0.0.1"),
        (("http", "127.0.0.1", 80, "/"), "GET http://[::ffff:127.0.0.1]/ HTTP/1.1\nHost: [::ffff:127.0.0.1]"),
        (("http", "2001:db8::1", 81, "/"), "GET http://[2001:DB8::1]:81/ HTTP/1.1\nHost: [2001:db8::1]:81"),
        (("http", "site.example", 80, "/x"), "GET http://site.example/a/../%78 HTTP/1.1\nHost: site.example"),
    ],
)
def test_a_forward_request_has_one_canonical_place(place: tuple[object, ...], head: str, scene: Setter) -> None:
    assert place == place_of(read(scene(), head))


@pytest.mark.parametrize(
    ("status", "reason", "head"),
    [
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "OPTIONS * HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET https://site.example/ HTTP/1.1\nHost: site.example"),
        (400, Reason.NAME_MISMATCH, "GET http://site.example/ HTTP/1.1\nHost: evil.example"),
        (400, Reason.NAME_MISMATCH, "GET http://site.example/ HTTP/1.1\nHost: site.example:81"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example/ HTTP/1.1"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example/a#b HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example/%00 HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example/../.. HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example/ HTTP/1.1\nHost: site.example\nConnection: a b"),
        (414, Reason.TARGET_TOO_LONG, f"GET http://site.example/{'a' * 9000} HTTP/1.1\nHost: site.example"),
        (405, Reason.PROTOCOL_REFUSED, "TRACE http://site.example/ HTTP/1.1\nHost: site.example"),
    ],
)
def test_a_forward_request_that_cannot_be_named_is_refused(
    status: int, reason: Reason, head: str, scene: Setter
) -> None:
    assert (status, reason) == refusal_of(read(scene(), head))


@pytest.mark.parametrize(
    ("place", "head"),
    [
        (("https", "site.example", 443, "/a"), "GET /a HTTP/1.1\nHost: site.example"),
        (("https", "site.example", 443, "/a"), "GET /a HTTP/1.1\nHost: SITE.example.:443"),
        (("https", "site.example", 443, "*"), "OPTIONS * HTTP/1.1\nHost: site.example"),
        (("https", "site.example", 443, "/"), "GET / HTTP/1.0"),
    ],
)
def test_a_request_in_a_tunnel_goes_where_the_connect_said(place: tuple[object, ...], head: str, scene: Setter) -> None:
    here = scene()

    assert place == place_of(read(here, head, in_tunnel(here)))


@pytest.mark.parametrize(
    ("status", "reason", "head"),
    [
        (421, Reason.NAME_MISMATCH, "GET / HTTP/1.1\nHost: evil.example"),
        (421, Reason.NAME_MISMATCH, "GET / HTTP/1.1\nHost: site.example:80"),
        (400, Reason.MALFORMED_REQUEST, "GET https://site.example/ HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET http://evil.example/ HTTP/1.1\nHost: site.example"),
        (400, Reason.MALFORMED_REQUEST, "GET * HTTP/1.1\nHost: site.example"),
        (405, Reason.PROTOCOL_REFUSED, "CONNECT other.example:443 HTTP/1.1\nHost: other.example:443"),
    ],
)
def test_a_request_in_a_tunnel_that_names_something_else_is_refused(
    status: int, reason: Reason, head: str, scene: Setter
) -> None:
    here = scene()

    assert (status, reason) == refusal_of(read(here, head, in_tunnel(here)))


@pytest.mark.parametrize(
    ("place", "head"),
    [
        (("http", "site.example", 8000, "/a"), "GET /a HTTP/1.1\nHost: SITE.example."),
        (("http", "site.example", 8000, "/"), "GET / HTTP/1.1\nHost: site.example:8000"),
        (("http", "127.0.0.1", 8000, "/"), "GET / HTTP/1.1\nHost: 0x7f.1"),
    ],
)
def test_a_redirected_request_is_placed_by_its_host_and_the_port_it_was_sent_to(
    place: tuple[object, ...], head: str, scene: Setter
) -> None:
    here = scene()
    found = read(here, head, redirected(here))

    assert place == place_of(found)
    assert not isinstance(found, Refusal)
    assert found.facts.connect is False


@pytest.mark.parametrize(
    ("status", "reason", "head"),
    [
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.1"),
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.0"),
        (400, Reason.MALFORMED_REQUEST, "GET http://site.example:8000/ HTTP/1.1\nHost: site.example:8000"),
        (421, Reason.NAME_MISMATCH, "GET / HTTP/1.1\nHost: site.example:80"),
        (405, Reason.PROTOCOL_REFUSED, "CONNECT site.example:443 HTTP/1.1\nHost: site.example:443"),
    ],
)
def test_a_redirected_request_that_names_no_one_place_is_refused(
    status: int, reason: Reason, head: str, scene: Setter
) -> None:
    here = scene()

    assert (status, reason) == refusal_of(read(here, head, redirected(here)))


def redirected(here: Scene) -> ConnectionState:
    """A connection that was on its way to port 8000 of another machine."""
    state = here.state(here.client())
    state.original = (Address.parse("198.51.100.7"), 8000)
    return state


def test_plain_http_in_a_tunnel_is_told_apart_from_tls(scene: Setter) -> None:
    here = scene()
    head = read(here, "GET / HTTP/1.1\nHost: site.example", in_tunnel(here, "site.example:80", tls=False))

    assert place_of(head) == ("http", "site.example", 80, "/")
    assert not isinstance(head, Refusal)
    assert (head.facts.connect, head.facts.tls_sni, head.facts.tls_inspected) == (True, ABSENT, ABSENT)


@pytest.mark.parametrize(
    ("place", "head"),
    [
        (("http", "shop.example", 80, "/a"), "GET /a HTTP/1.1\nHost: Shop.Example"),
        (("http", "shop.example", 8081, "/"), "GET / HTTP/1.1\nHost: shop.example:8081"),
        (("http", "shop.example", 80, "/"), "GET / HTTP/1.1\nHost: shop.example\nX-Forwarded-Proto: https"),
        (("http", "shop.example", 80, "/a"), "GET http://shop.example/a HTTP/1.1\nHost: shop.example"),
        (("http", "shop.example", 80, "/a/b"), "GET //a//b HTTP/1.1\nHost: shop.example"),
    ],
)
def test_a_reverse_request_is_placed_by_its_host(place: tuple[object, ...], head: str, scene: Setter) -> None:
    assert place == place_of(read(scene(mode=Mode.REVERSE), head))


@pytest.mark.parametrize(
    ("status", "reason", "head"),
    [
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.0"),
        (400, Reason.NAME_MISMATCH, "GET http://evil.example/ HTTP/1.1\nHost: shop.example"),
        (400, Reason.MALFORMED_REQUEST, "GET https://shop.example/ HTTP/1.1\nHost: shop.example"),
        (400, Reason.MALFORMED_REQUEST, "GET /a%2fb HTTP/1.1\nHost: shop.example"),
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.1\nHost: user@shop.example"),
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.1\nHost: shop.example/x"),
        (400, Reason.MALFORMED_REQUEST, "GET / HTTP/1.1\nHost:"),
        (405, Reason.PROTOCOL_REFUSED, "TRACE / HTTP/1.1\nHost: shop.example"),
        (405, Reason.PROTOCOL_REFUSED, "CONNECT shop.example:443 HTTP/1.1\nHost: shop.example:443"),
    ],
)
def test_a_reverse_request_that_cannot_be_named_is_refused(
    status: int, reason: Reason, head: str, scene: Setter
) -> None:
    assert (status, reason) == refusal_of(read(scene(mode=Mode.REVERSE), head))


def test_behind_tls_the_host_has_to_be_the_one_of_the_hello(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    state = here.state(here.client())
    heard = translate.hello_facts(state, translate.connection_facts(state, NOW), hello_of("shop.example"))
    assert isinstance(heard, Facts)
    state.hear(heard)

    assert place_of(read(here, "GET / HTTP/1.1\nHost: shop.example", state)) == ("https", "shop.example", 443, "/")
    assert refusal_of(read(here, "GET / HTTP/1.1\nHost: other.example", state)) == (421, Reason.NAME_MISMATCH)


@pytest.mark.parametrize(
    ("host", "port", "head"),
    [
        ("site.example", 443, "CONNECT site.example:443 HTTP/1.1\nHost: site.example:443"),
        ("site.example", 443, "CONNECT SITE.example.:443 HTTP/1.1\nHost: site.example"),
        ("site.example", 8443, "CONNECT site.example:8443 HTTP/1.0"),
        ("127.0.0.1", 443, "CONNECT 0x7f000001:443 HTTP/1.1\nHost: 0x7f000001:443"),
        ("2001:db8::1", 443, "CONNECT [2001:db8:0::1]:443 HTTP/1.1\nHost: [2001:db8::1]:443"),
    ],
)
def test_a_connect_names_host_and_port_and_leaves_the_inside_open(
    host: str, port: int, head: str, scene: Setter
) -> None:
    here = scene()
    client = here.client()
    facts = translate.connect_facts(here.state(client), here.flow(client, head), NOW, LIMITS)

    assert isinstance(facts, Facts)
    assert (host, port) == (str(facts.host), facts.port)
    assert (facts.connect, facts.method, facts.target, facts.tls_inspected) == (True, UNKNOWN, UNKNOWN, UNKNOWN)


@pytest.mark.parametrize(
    ("status", "reason", "mode", "head"),
    [
        (400, Reason.NAME_MISMATCH, Mode.FORWARD, "CONNECT site.example:443 HTTP/1.1\nHost: evil.example:443"),
        (400, Reason.NAME_MISMATCH, Mode.FORWARD, "CONNECT site.example:443 HTTP/1.1\nHost: site.example:80"),
        (400, Reason.MALFORMED_REQUEST, Mode.FORWARD, "CONNECT site.example:443 HTTP/1.1"),
        (400, Reason.MALFORMED_REQUEST, Mode.FORWARD, "CONNECT [fe80::1%25eth0]:443 HTTP/1.0"),
        (
            400,
            Reason.MALFORMED_REQUEST,
            Mode.FORWARD,
            "CONNECT site.example:443 HTTP/1.1\nHost: site.example:443\nContent-Length: 5",
        ),
        (403, Reason.PROTOCOL_REFUSED, Mode.REVERSE, "CONNECT site.example:443 HTTP/1.1\nHost: site.example:443"),
    ],
)
def test_a_connect_that_cannot_be_named_is_refused(
    status: int, reason: Reason, mode: Mode, head: str, scene: Setter
) -> None:
    here = scene(mode=mode)
    client = here.client()

    assert (status, reason) == refusal_of(
        translate.connect_facts(here.state(client), here.flow(client, head), NOW, LIMITS)
    )


@pytest.mark.parametrize(
    ("sni", "version", "asked", "offered"),
    [
        (Host.parse("site.example"), "1.3", "site.example", (0x0304, 0x0303)),
        (Host.parse("site.example"), "1.3", "Site.EXAMPLE", (0x7A7A, 0x0303, 0x0304)),
        (Host.parse("site.example"), "1.2", "site.example", ()),
        (ABSENT, "1.2", None, (0x0303,)),
        (Host.parse("site.example"), UNKNOWN, "site.example", (0x7F17,)),
    ],
)
def test_a_hello_says_the_name_and_the_best_version_offered(
    sni: object, version: object, asked: str | None, offered: tuple[int, ...], scene: Setter
) -> None:
    state = in_tunnel(scene(), tls=False)
    facts = translate.hello_facts(state, translate.connection_facts(state, NOW), hello_of(asked, offered))

    assert isinstance(facts, Facts)
    assert (sni, version) == (facts.tls_sni, facts.tls_version)


@pytest.mark.parametrize(
    ("status", "reason", "asked"),
    [
        (421, Reason.NAME_MISMATCH, "evil.example"),
        (421, Reason.NAME_MISMATCH, "sub.site.example"),
        (400, Reason.MALFORMED_REQUEST, "si te.example"),
        (400, Reason.MALFORMED_REQUEST, ""),
        (421, Reason.NAME_MISMATCH, "127.0.0.1"),
    ],
)
def test_a_hello_for_another_name_than_the_connect_is_refused(
    status: int, reason: Reason, asked: str, scene: Setter
) -> None:
    state = in_tunnel(scene(), tls=False)
    refused = translate.hello_facts(state, translate.connection_facts(state, NOW), hello_of(asked))

    assert (status, reason) == refusal_of(refused)


def test_a_hello_that_says_something_twice_is_refused(scene: Setter) -> None:
    state = in_tunnel(scene(), "open.example:443", tls=False)
    hello = HelloReader(1 << 16).read(Hello(names=("open.example",), twice=True).raw)
    assert hello is not None

    refused = translate.hello_facts(state, translate.connection_facts(state, NOW), hello)

    assert refusal_of(refused) == (400, Reason.MALFORMED_REQUEST)


def test_the_hops_of_options_are_counted_down(scene: Setter) -> None:
    head = read(scene(), "OPTIONS http://site.example/ HTTP/1.1\nHost: site.example\nMax-Forwards: 3")

    assert not isinstance(head, Refusal)
    assert (b"Max-Forwards", b"2") in head.fields


def test_what_goes_out_is_what_was_judged(scene: Setter) -> None:
    here = scene()
    client = here.client()
    flow = here.flow(
        client,
        "GET http://SITE.example.:80/a/./%62?q=%61 HTTP/1.1\nAccept: */*\nHost: Site.example\nProxy-Authorization: x",
    )
    head = translate.request_head(here.state(client), flow, NOW, LIMITS)
    assert not isinstance(head, Refusal)
    translate.write_head(flow, head)

    assert (flow.request.path, flow.request.authority) == ("/a/b?q=a", "")
    assert flow.request.headers.fields == ((b"Host", b"site.example"), (b"Accept", b"*/*"))
    assert head.facts.headers == Fields.of([("Host", "site.example"), ("Accept", "*/*")])


def test_an_upgrade_other_than_websocket_does_not_go_on(scene: Setter) -> None:
    head = read(
        scene(),
        "GET http://a.example/ HTTP/1.1\nHost: a.example\nConnection: Upgrade, HTTP2-Settings\nUpgrade: h2c\n"
        "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
    )

    assert not isinstance(head, Refusal)
    assert head.facts.protocol == "http/1.1"
    assert head.fields == ((b"Host", b"a.example"),)


def test_a_websocket_handshake_goes_on_and_is_known_as_one(scene: Setter) -> None:
    head = read(
        scene(),
        "GET http://a.example/ HTTP/1.1\nHost: a.example\nConnection: keep-alive, Upgrade, X-Hop\nUpgrade: websocket\n"
        "X-Hop: 1\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13",
    )

    assert not isinstance(head, Refusal)
    assert head.facts.protocol == "websocket"
    assert head.fields[-2:] == ((b"Connection", b"Upgrade"), (b"Upgrade", b"websocket"))
    assert b"X-Hop" not in dict(head.fields)


def test_behind_a_trusted_proxy_the_client_is_not_known_before_the_head(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, trusted=("192.0.2.0/24",))
    state = here.state(here.client("192.0.2.1"))
    head = read(
        here, "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 6.6.6.6, 203.0.113.9\nX-Forwarded-Proto: https", state
    )

    assert translate.connection_facts(state, NOW).client_ip is UNKNOWN
    assert not isinstance(head, Refusal)
    assert head.facts.client_ip == Address.parse("203.0.113.9")
    assert place_of(head) == ("https", "a.example", 443, "/")
