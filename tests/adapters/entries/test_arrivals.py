from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mitmproxy.proxy.server_hooks import ServerConnectionHookData
from mitmproxy.test import tflow

from addons.entries.arrivals import Arrivals
from addons.entries.handshake import Handshake
from addons.entries.socks5 import Asked
from addons.judging.openings import Openings
from addons.tunnels.opening import Opening
from gateway.policy.addresses import Address
from gateway.policy.model import Reason, refuse
from gateway.policy.names import Host
from tests.adapters.hellos import hello_of
from tests.adapters.scene import DENY_ADS

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.connection import Client
    from mitmproxy.tls import ClientHello

    from gateway.config.settings import Entry
    from tests.adapters.scene import Scene

ASKED = Address.parse("198.51.100.7")
HERE = Address.parse("127.0.0.1")


def entered(stage: Scene, entry: Entry) -> Scene:
    stage.listener.settings = replace(stage.listener.settings, entry=entry)
    return stage


def arrivals_of(stage: Scene) -> Arrivals:
    return Arrivals(stage.admission, stage.connections, stage.recorder, stage.now)


def by_socks(stage: Scene, host: str, port: int = 443) -> Handshake:
    handshake = Handshake(stage.client(), Asked(Host.parse(host), port, 0))
    arrivals_of(stage).socks_asked(handshake)
    return handshake


def redirected(stage: Scene, to: tuple[Address, int] | None = (ASKED, 443)) -> Client:
    client = stage.client()
    stage.state(client).original = to
    return client


def opened(stage: Scene, client: Client, hello: ClientHello | None, *others: Arrivals) -> Opening:
    """What becomes of the first bytes of a redirected connection, after every hook that sees them."""
    opening = Opening(client, hello)
    arrivals, openings = (others or (arrivals_of(stage),))[0], Openings(stage.admission, stage.connections)
    if hello is None:
        arrivals.tunnel_raw(opening)
        asyncio.run(openings.tunnel_raw(opening))
    else:
        arrivals.tunnel_hello(opening)
        asyncio.run(openings.tunnel_hello(opening))
    return opening


def test_a_socks_request_that_is_let_through_opens_a_tunnel_like_a_connect(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "socks5")
    handshake = by_socks(stage, "site.example")
    state = stage.state(handshake.client)

    assert (handshake.admitted, handshake.refused) == (True, None)
    assert (state.connect_host, state.connect_port) == (Host.parse("site.example"), 443)
    assert stage.hear(handshake.client, hello_of("site.example")) == "inspect"


@pytest.mark.parametrize(
    ("reason", "rule", "host", "port"),
    [
        (Reason.RULE_DENY, "no-ads", "x.ads.example", 443),
        (Reason.GUARDRAIL, "builtin-connect-port", "site.example", 25),
        (Reason.GUARDRAIL, "builtin-special", "10.0.0.1", 443),
        (Reason.GUARDRAIL, "builtin-special", "a.localhost", 443),
    ],
)
def test_a_socks_request_is_refused_by_what_refuses_a_connect(
    reason: Reason, rule: str | None, host: str, port: int, scene: Callable[..., Scene]
) -> None:
    stage = entered(scene(policy=DENY_ADS), "socks5")

    handshake = by_socks(stage, host, port)

    assert handshake.refused is not None
    assert (handshake.admitted, handshake.refused.reason, handshake.refused.rule) == (False, reason, rule)
    assert list(stage.shapes()) == [("decision", "deny", str(reason)), ("end", None)]


def test_a_handshake_that_came_to_nothing_is_on_record(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "socks5")

    arrivals_of(stage).socks_broken(Handshake(stage.client(), decision=refuse(Reason.HEAD_TIMEOUT)))

    assert list(stage.shapes()) == [("decision", "deny", "head-timeout"), ("end", None)]


def test_a_redirected_hello_names_the_host_and_the_kernel_the_port(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "transparent")
    client = redirected(stage)

    assert opened(stage, client, hello_of("Site.Example.")).treatment == "inspect"
    assert (stage.state(client).connect_host, stage.state(client).connect_port) == (Host.parse("site.example"), 443)


def test_without_a_name_the_host_is_the_address_that_was_asked_for(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "transparent")
    client = redirected(stage, (Address.parse("93.184.216.34"), 443))

    assert opened(stage, client, hello_of(None)).treatment == "inspect"
    assert stage.state(client).connect_host == Host.of(Address.parse("93.184.216.34"))


@pytest.mark.parametrize(
    ("reason", "to", "hello"),
    [
        ("rule-deny", (ASKED, 443), hello_of("ads.example")),
        ("guardrail", (ASKED, 8443), hello_of("site.example")),
        ("guardrail", (Address.parse("10.0.0.1"), 443), hello_of(None)),
        ("guardrail", (ASKED, 443), hello_of("127.1")),
        ("malformed-request", (ASKED, 443), hello_of("site example")),
        ("guardrail", (Address.parse("10.0.0.1"), 443), None),
        ("protocol-refused", (Address.parse("93.184.216.34"), 443), None),
    ],
)
def test_a_redirected_connection_is_refused_once_and_stays_it(
    reason: str, to: tuple[Address, int], hello: ClientHello | None, scene: Callable[..., Scene]
) -> None:
    stage = entered(scene(policy=DENY_ADS), "transparent")

    assert opened(stage, redirected(stage, to), hello).treatment == "refuse"
    assert list(stage.shapes()) == [("decision", "deny", reason), ("end", None)]


def test_a_connection_from_the_gateway_itself_is_a_loop_until_it_is_gone(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "transparent")
    arrivals, server = arrivals_of(stage), tflow.tserver_conn()
    server.sockname = ("192.0.2.1", 51000)
    own = ServerConnectionHookData(client=stage.client(), server=server)

    arrivals.server_connected(own)
    assert opened(stage, redirected(stage), hello_of("site.example"), arrivals).treatment == "refuse"
    arrivals.server_disconnected(own)
    assert opened(stage, redirected(stage), hello_of("site.example"), arrivals).treatment == "inspect"
    assert [record["decision"]["detail"] for record in stage.records() if record["event"] == "decision"] == [
        "The connection comes from this gateway itself"
    ]


@pytest.mark.parametrize(
    ("error", "entry", "original"),
    [
        (None, "transparent", (ASKED, 443)),
        ("refused", "transparent", None),
        ("refused", "transparent", (HERE, 8080)),
        (None, "socks5", None),
        (None, "proxy", None),
    ],
)
def test_only_redirected_connections_are_served_by_a_transparent_listener(
    error: str | None, entry: Entry, original: tuple[Address, int] | None, scene: Callable[..., Scene]
) -> None:
    stage = entered(scene(), entry)
    client = redirected(stage, original)

    arrivals_of(stage).client_connected(client)

    assert error == client.error
    assert list(stage.shapes()) == ([] if error is None else [("decision", "deny", "protocol-refused"), ("end", None)])


def test_words_that_are_missing_refuse(scene: Callable[..., Scene]) -> None:
    stage = entered(scene(), "transparent")
    arrivals = arrivals_of(stage)

    with pytest.raises(LookupError):
        arrivals.tunnel_hello(Opening(redirected(stage)))
    with pytest.raises(LookupError):
        arrivals.socks_asked(Handshake(stage.client()))
    with pytest.raises(LookupError):
        arrivals.socks_broken(Handshake(stage.client()))
