from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from mitmproxy.flow import Error
from mmdb_writer import MMDBWriter
from netaddr import IPSet

from gateway.config.settings import HostMatch
from gateway.policy.addresses import Address
from gateway.policy.model import Mode, Reason, refuse
from gateway.policy.names import Host
from tests.adapters.scene import ALLOW, DENY_ADS, PLAIN, PSEUDONYM, answer_of, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.adapters.scene import Scene

type Setter = Callable[..., Scene]

OFFICE = ALLOW + "guardrails: [{id: office, reason: Office only, when: {client.ip: {not_in: [10.0.0.0/8]}}}]\n"
NO_NET = ALLOW + "rules: [{id: net, action: deny, reason: Closed, when: {destination.ip: {in: [93.184.217.0/24]}}}]\n"


def test_an_allowed_request_is_on_record_before_it_is_let_through(scene: Setter) -> None:
    here = scene()
    flow = here.ask(here.client(), PLAIN)

    assert flow.response is None
    assert judged(flow).admitted
    assert (flow.request.host, flow.request.port, flow.request.scheme) == ("site.example", 80, "http")
    (decision,) = here.records()
    assert decision["id"] == judged(flow).id
    assert decision["destination"] == {
        "ip": "93.184.216.34",
        "answers": ["93.184.216.34"],
        "parent": None,
        "original": None,
    }


def test_a_denied_request_is_answered_and_nothing_may_be_dialled_for_it(scene: Setter) -> None:
    here = scene(policy=DENY_ADS)
    client = here.client()
    flow = here.ask(client, "GET http://www.ads.example/ HTTP/1.1\nHost: www.ads.example")

    assert said(flow) == (403, "rule-deny")
    assert here.state(client).going_to(("www.ads.example", 80)) is None
    assert flow.request.stream is False
    assert list(here.shapes()) == [("decision", "deny", "rule-deny"), ("end", 403)]


@pytest.mark.parametrize(
    ("status", "reason", "addresses"),
    [
        (403, "guardrail", "127.0.0.1"),
        (403, "guardrail", "93.184.216.34 10.0.0.1"),
        (403, "guardrail", "169.254.169.254"),
        (403, "guardrail", "::ffff:10.0.0.1"),
        (403, "guardrail", "64:ff9b::a00:1"),
        (502, "upstream-unresolved", ""),
    ],
)
def test_every_address_of_a_name_is_judged(status: int, reason: str, addresses: str, scene: Setter) -> None:
    here = scene(names={"site.example": addresses})
    flow = here.ask(here.client(), PLAIN)

    assert said(flow) == (status, reason)
    assert list(here.shapes()) == [("decision", "deny", reason), ("end", status)]


@pytest.mark.parametrize("host", ["localhost", "foo.localhost", "a.b.LOCALHOST."])
def test_every_name_of_this_machine_is_refused_as_that(host: str, scene: Setter) -> None:
    here = scene()

    assert said(here.connect(here.client(), f"{host}:443")) == (403, "guardrail")

    assert said(here.ask(here.client(), f"GET http://{host}/ HTTP/1.1\nHost: {host}")) == (403, "guardrail")


def test_why_a_name_does_not_resolve_is_for_the_record_alone(scene: Setter) -> None:
    here = scene(names={"site.example": ""})
    flow = here.ask(here.client(), PLAIN)

    assert said(flow) == (502, "upstream-unresolved")
    assert b"No such name" not in (answer_of(flow).raw_content or b"")
    assert here.records()[0]["decision"]["detail"] == "No such name."


@pytest.mark.parametrize("spelling", ["2130706433", "0x7f.1", "127.1", "0177.0.0.1", "0", "[::ffff:127.0.0.1]"])
def test_no_spelling_of_loopback_gets_through(spelling: str, scene: Setter) -> None:
    here = scene()

    assert said(here.ask(here.client(), f"GET http://{spelling}/ HTTP/1.1\nHost: {spelling}")) == (403, "guardrail")


def test_a_standing_connection_is_judged_by_the_address_that_it_reaches(scene: Setter) -> None:
    here = scene(policy=NO_NET)
    client = here.client()
    here.state(client).linked(("site.example", 80), "s1", Address.parse("93.184.217.5"))

    assert said(here.ask(client, PLAIN)) == (403, "rule-deny")
    here.state(client).unlinked(("site.example", 80), "s1")
    assert here.ask(client, PLAIN).response is None


def test_without_a_log_nothing_is_let_through(scene: Setter) -> None:
    here = scene()
    client = here.client()
    here.writer.close()
    flow = here.ask(client, PLAIN)

    assert said(flow) == (503, "audit-unavailable")
    assert here.state(client).going_to(("site.example", 80)) is None


def test_what_the_layer_finds_invalid_is_recorded_as_malformed(scene: Setter) -> None:
    here = scene()
    flow = here.flow(here.client(), PLAIN)
    flow.error = Error("invalid header")
    asyncio.run(here.admission.requestheaders(flow))

    assert said(flow) == (400, "malformed-request")
    assert list(here.shapes()) == [("decision", "deny", "malformed-request"), ("end", 400)]


def test_a_request_that_was_here_before_is_a_loop(scene: Setter) -> None:
    here = scene()

    assert said(here.ask(here.client(), f"{PLAIN}\nVia: 1.1 {PSEUDONYM}")) == (508, "malformed-request")


def test_a_connection_from_a_closed_network_is_refused_with_a_pair_of_records(scene: Setter) -> None:
    here = scene(policy=OFFICE)
    inside, outside = here.client("10.1.1.1"), here.client("192.0.2.1")
    here.admission.client_connected(inside)
    here.admission.client_connected(outside)

    assert (inside.error, outside.error) == (None, "refused")
    assert list(here.shapes()) == [("decision", "deny", "guardrail"), ("end", None)]


def test_a_trusted_proxy_is_not_taken_for_the_client(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, trusted=("192.0.2.0/24",), policy=OFFICE)
    proxy = here.client("192.0.2.1")
    here.admission.client_connected(proxy)

    assert proxy.error is None
    assert here.ask(proxy, "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 10.9.9.9").response is None
    assert said(here.ask(proxy, "GET / HTTP/1.1\nHost: a.example\nX-Forwarded-For: 6.6.6.6")) == (403, "guardrail")


def test_a_reverse_request_goes_to_its_server_under_the_host_that_was_asked(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE)
    flow = here.ask(here.client(), "GET /a HTTP/1.1\nHost: Shop.example")

    assert flow.response is None
    assert (flow.request.host, flow.request.port, flow.request.scheme) == ("127.0.0.1", 8000, "http")
    assert flow.request.headers["host"] == "shop.example"


def test_servers_take_turns_by_weight(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, upstreams=("http://127.0.0.1:8000", "http://127.0.0.1:8001"))
    client = here.client()
    ports = [here.ask(client, "GET / HTTP/1.1\nHost: a.example").request.port for _ in range(4)]

    assert ports == [8000, 8001, 8000, 8001]


def test_a_host_without_a_route_is_misdirected(scene: Setter) -> None:
    here = scene(mode=Mode.REVERSE, served=HostMatch("is", (Host.parse("shop.example"),)))

    assert said(here.ask(here.client(), "GET / HTTP/1.1\nHost: other.example")) == (421, "no-route")
    assert here.ask(here.client(), "GET / HTTP/1.1\nHost: shop.example").response is None


@pytest.mark.parametrize(
    ("status", "location", "strict"), [(400, None, "strict"), (308, "/a/b?c=%2F", "redirect"), (None, None, "rewrite")]
)
def test_a_path_that_is_not_canonical_is_treated_as_the_route_says(
    status: int | None, location: str | None, strict: str, scene: Setter
) -> None:
    here = scene(mode=Mode.REVERSE, strict_paths=strict)
    flow = here.ask(here.client(), "GET /x/../a//%62?c=%2f HTTP/1.1\nHost: a.example")

    if status is None:
        assert (flow.response, flow.request.path) == (None, "/a/b?c=%2F")
    else:
        assert said(flow) == (status, "not-canonical")
        assert location == answer_of(flow).headers.get("location")


def test_limits_are_charged_once_and_given_back(scene: Setter) -> None:
    here = scene(policy=f"{ALLOW}limits:\n  - {{id: flight, key: [client.ip], concurrent: 1}}\n")
    client = here.client()
    first = here.ask(client, PLAIN)
    assert said(here.ask(client, PLAIN)) == (429, "concurrency-exceeded")
    here.recorder.ended(judged(first))

    assert here.ask(client, PLAIN).response is None


def test_a_head_that_the_layers_below_could_not_read_is_answered_and_recorded(scene: Setter) -> None:
    here = scene()
    answer = here.admission.refused_head(here.client(), refuse(Reason.HEAD_TOO_LARGE))

    assert (answer.status_code, answer.headers["connection"]) == (431, "close")
    assert list(here.shapes()) == [("decision", "deny", "head-too-large"), ("end", 431)]


@pytest.mark.parametrize(("wanted", "country"), [((403, "rule-deny"), "XX"), (None, "DE"), ((403, "rule-deny"), None)])
def test_a_destination_is_judged_by_its_country_and_one_that_cannot_be_told_is_refused(
    wanted: tuple[int, str] | None, country: str | None, scene: Setter, tmp_path: Path
) -> None:
    path = tmp_path / "country.mmdb"
    writer = MMDBWriter(6, "Test", ipv4_compatible=True)
    writer.insert_network(IPSet(["0.0.0.0/0"]), {"country": {"iso_code": country or "DE"}})
    writer.to_db_file(str(path))
    rule = "{id: no-xx, action: deny, reason: Not there, when: {destination.country: {in: [XX]}}}"
    here = scene(policy=f"{ALLOW}lists: {{geo: {{type: database, format: mmdb, file: {path}}}}}\nrules: [{rule}]\n")
    if country is None:
        path.unlink()

    flow = here.ask(here.client(), PLAIN)

    assert (said(flow) if flow.response is not None else None) == wanted
