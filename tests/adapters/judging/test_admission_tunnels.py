from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from gateway.policy.addresses import Address
from tests.adapters.hellos import hello_of
from tests.adapters.scene import ALLOW, DENY_ADS, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.tls import ClientHello

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

INSIDE = "GET /a HTTP/1.1\nHost: site.example"
SPLICE = ALLOW + "tls: {inspect: all, splice: [{id: bank, reason: Privacy, when: {host: {is: [site.example]}}}]}\n"
RAW = ALLOW + "rules: [{id: raw, action: allow, reason: Needed, when: {protocol: [tcp], host: {is: [site.example]}}}]\n"


def test_a_connect_is_answered_without_dialling(scene: Setter) -> None:
    here = scene()
    client = here.client()
    flow = here.connect(client, "site.example:443")

    assert flow.response is None
    assert here.state(client).in_tunnel
    assert here.state(client).going_to(("site.example", 443)) is None


@pytest.mark.parametrize(
    ("status", "reason", "target"),
    [
        (403, "rule-deny", "x.ads.example:443"),
        (403, "guardrail", "site.example:53"),
        (403, "guardrail", "127.0.0.1:443"),
        (403, "guardrail", "metadata.google.internal:443"),
    ],
)
def test_a_denied_connect_is_refused_and_ends_its_connection(
    status: int, reason: str, target: str, scene: Setter
) -> None:
    here = scene(policy=DENY_ADS)
    client = here.client()
    flow = here.connect(client, target)

    assert said(flow) == (status, reason)
    assert answer_of(flow).headers["connection"] == "close"
    assert not here.state(client).in_tunnel
    assert list(here.shapes()) == [("decision", "deny", reason), ("end", status)]


def test_a_tunnel_is_inspected_and_what_is_inside_is_judged(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.connect(client, "site.example:443")

    assert here.hear(client, hello_of("site.example")) == "inspect"
    flow = here.ask(client, INSIDE)
    assert flow.response is None
    assert here.state(client).exchanges == [judged(flow)]
    assert (flow.request.host, flow.request.port, flow.request.scheme) == ("site.example", 443, "https")
    (decision,) = here.records()
    assert decision["tls"] == {"sni": "site.example", "mode": "inspected", "version": "1.3"}


def test_a_hello_for_another_name_ends_the_tunnel(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.connect(client, "site.example:443")

    assert here.hear(client, hello_of("evil.example")) == "refuse"
    assert list(here.shapes()) == [("decision", "deny", "name-mismatch"), ("end", None)]


def test_a_spliced_tunnel_is_judged_recorded_and_pinned(scene: Setter) -> None:
    here = scene(policy=SPLICE)
    client = here.client()
    here.connect(client, "site.example:443")

    assert here.hear(client, hello_of("site.example")) == "splice"
    tunnel = here.state(client).going_to(("site.example", 443))
    assert tunnel is not None
    assert tunnel.judged == (Address.parse("93.184.216.34"),)
    tunnel.up, tunnel.down = 517, 4096
    here.recording.client_disconnected(client)

    decision, end, connection = here.records()
    assert decision["tls"] == {"sni": "site.example", "mode": "spliced", "version": "1.3"}
    assert (end["event"], end["status"], end["bytes"]) == ("end", 200, {"up": 517, "down": 4096})
    assert (connection["outcome"], connection["id"], connection["bytes"]) == ("spliced", end["id"], end["bytes"])


def test_a_tunnel_that_would_be_spliced_to_a_closed_address_is_refused(scene: Setter) -> None:
    here = scene(policy=SPLICE, names={"site.example": "10.0.0.1"})
    client = here.client()
    here.connect(client, "site.example:443")

    assert here.hear(client, hello_of("site.example")) == "refuse"
    assert list(here.shapes()) == [("decision", "deny", "guardrail"), ("end", None)]


@pytest.mark.parametrize(
    ("treatment", "reason", "policy"),
    [
        ("refuse", "protocol-refused", ALLOW),
        (
            "splice",
            "allowed-by-rule",
            RAW,
        ),
    ],
)
def test_bytes_that_are_neither_tls_nor_http_need_a_rule_of_their_own(
    treatment: str, reason: str, policy: str, scene: Setter
) -> None:
    here = scene(policy=policy)
    client = here.client()
    here.connect(client, "site.example:443")

    assert treatment == asyncio.run(here.admission.raw(here.state(client)))
    assert [shape[2] for shape in here.shapes() if shape[0] == "decision"] == [reason]


@pytest.mark.parametrize("hello", [None, hello_of("site.example")])
def test_a_tunnel_in_which_nothing_was_ever_asked_is_recorded(hello: ClientHello | None, scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.connect(client, "site.example:443")
    if hello is not None:
        here.hear(client, hello)
    here.recording.client_disconnected(client)

    assert list(here.shapes()) == [("decision", "deny", "protocol-refused"), ("end", None)]


def test_a_tunnel_in_which_something_was_asked_is_no_exchange_of_its_own(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.connect(client, "site.example:443")
    here.hear(client, hello_of("site.example"))
    here.ask(client, INSIDE)
    here.recording.client_disconnected(client)

    assert list(here.shapes()) == [("decision", "allow", "allowed-by-default"), ("end", None)]


def test_the_layers_hear_the_canonical_name_of_a_tunnel(scene: Setter) -> None:
    here = scene()
    flow = here.connect(here.client(), "SITE.Example.:443")

    assert (flow.request.host, flow.request.port) == ("site.example", 443)
