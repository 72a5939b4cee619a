from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Response

from addons.tunnels.standing import LONG, Standing
from gateway.lists.geography import Geography
from gateway.policy.model import Decision, Reason, Verdict, refuse
from tests.adapters.hellos import hello_of
from tests.adapters.scene import ALLOW, Scene, gate_of, judged

if TYPE_CHECKING:
    from pathlib import Path

    from addons.judging.exchange import Exchange

UNREAD = ALLOW + "tls: {inspect: none}\n"
RAW = "rules: [{id: raw, action: allow, reason: Agreed, when: {protocol: [tcp]}}]\n"
NO_SITE = "rules: [{id: no-site, action: deny, reason: Not any more, when: {host: {is: [site.example]}}}]\n"
NO_CHAT = "rules: [{id: no-chat, action: deny, reason: No, when: {path: {prefix: [/chat]}}}]\n"
LATER = 'rules: [{id: late, action: deny, reason: Late, when: {time: {from: "11:00", to: "12:00", zone: UTC}}}]\n'
CHAT = (
    "GET http://site.example/chat HTTP/1.1\nHost: site.example\nConnection: Upgrade\nUpgrade: websocket\n"
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\nSec-WebSocket-Version: 13"
)
ACCEPT = Response.make(
    101, b"", {"Upgrade": "websocket", "Connection": "Upgrade", "Sec-WebSocket-Accept": "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="}
)


def tunnel(scene: Scene) -> Exchange:
    client = scene.client()
    scene.connect(client, "site.example:443")
    assert scene.hear(client, hello_of("site.example")) == "splice"
    found = scene.state(client).tunnel
    assert found is not None
    return found


def raw_tunnel(scene: Scene) -> Exchange:
    client = scene.client()
    scene.connect(client, "site.example:443")
    state = scene.state(client)
    assert asyncio.run(scene.admission.raw(state)) == "splice"
    assert state.tunnel is not None
    return state.tunnel


def websocket(scene: Scene) -> Exchange:
    flow = scene.ask(scene.client(), CHAT)
    scene.answer(flow, ACCEPT.copy())
    return judged(flow)


def look(scene: Scene, policy: str | None = None) -> list[str]:
    """Which connections are ended when `policy` has replaced the one in force, and somebody looks twice."""
    if policy is not None:
        scene.listener.store.current = gate_of(policy, scene.mode)
    ended: list[str] = []
    standing = Standing(scene.connections, Geography(), end=ended.append, clock=scene.now)

    async def twice() -> None:
        await standing.look()
        await standing.look()

    asyncio.run(twice())
    return ended


def why(exchange: Exchange) -> tuple[Verdict, Reason, str | None]:
    assert exchange.outcome is not None
    return exchange.outcome.verdict, exchange.outcome.reason, exchange.outcome.rule


def test_nothing_is_judged_again_while_the_policy_stays(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD + LATER)
    tunnel(scene)
    scene.elapsed = 3600.0

    assert look(scene) == []


@pytest.mark.parametrize(
    ("rule", "policy"),
    [
        ("no-site", UNREAD + NO_SITE),
        (None, ALLOW),
        (None, UNREAD.replace("allow", "deny")),
    ],
)
def test_a_tunnel_that_is_refused_now_is_ended_once_and_its_record_says_why(
    rule: str | None, policy: str, tmp_path: Path
) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    exchange = tunnel(scene)

    assert look(scene, policy) == [exchange.connection.id]
    assert why(exchange) == (Verdict.DENY, Reason.POLICY_CHANGED, rule)
    assert isinstance(exchange.outcome, Decision)
    assert exchange.outcome.digest == scene.listener.store.current.policy.digest

    scene.recorder.ended(exchange)
    end = scene.records()[-1]
    assert (end["event"], end["reason"], end["decision"]["rule"]) == ("end", "policy-changed", rule)


def test_a_tunnel_that_is_allowed_still_stays_and_stands_under_the_new_policy(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    exchange = tunnel(scene)

    assert look(scene, UNREAD + NO_CHAT.replace("path: {prefix: [/chat]}", "port: [80]")) == []
    assert exchange.gate is scene.listener.store.current
    assert look(scene, UNREAD + NO_SITE) == [exchange.connection.id]


def test_a_raw_tunnel_lives_as_long_as_its_rule(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=ALLOW + RAW)
    exchange = raw_tunnel(scene)

    assert look(scene, UNREAD + RAW) == []
    assert look(scene, UNREAD) == [exchange.connection.id]
    assert why(exchange) == (Verdict.DENY, Reason.POLICY_CHANGED, None)


@pytest.mark.parametrize(("ended", "elapsed"), [(False, 0.0), (True, 3700.0)])
def test_the_time_is_the_time_of_now(elapsed: float, tmp_path: Path, *, ended: bool) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    tunnel(scene)
    scene.elapsed = elapsed

    assert ended is bool(look(scene, UNREAD + LATER))


def test_no_limit_is_charged_a_second_time(tmp_path: Path) -> None:
    limited = UNREAD + "limits: [{id: one, key: [client.ip], rate: 1/day, burst: 1}]\n"
    scene = Scene(tmp_path, policy=limited)
    tunnel(scene)

    assert look(scene, limited.replace("name: open", "name: other")) == []
    assert tunnel(scene).admitted, "the first of the new policy's day was taken"


def test_a_websocket_is_judged_again_with_its_whole_head(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    exchange = websocket(scene)

    assert look(scene, ALLOW + NO_CHAT.replace("/chat", "/other")) == []
    assert look(scene, ALLOW + NO_CHAT) == [exchange.connection.id]
    assert why(exchange) == (Verdict.DENY, Reason.POLICY_CHANGED, "no-chat")


def test_a_request_keeps_the_policy_that_it_began_under(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    scene.ask(scene.client(), "GET http://site.example/a HTTP/1.1\nHost: site.example")

    assert look(scene, ALLOW + NO_SITE) == []


@pytest.mark.parametrize("how", ["ended", "refused"])
def test_what_is_over_is_left_alone(how: str, tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    exchange = tunnel(scene)
    if how == "ended":
        exchange.ended = True
    else:
        exchange.outcome = refuse(Reason.UPSTREAM_REFUSED)

    assert look(scene, UNREAD + NO_SITE) == []


def test_a_tunnel_to_an_address_that_is_no_longer_allowed_is_ended(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    exchange = tunnel(scene)
    elsewhere = "rules: [{id: net, action: deny, reason: No, when: {destination.ip: {in: [93.184.216.0/24]}}}]\n"

    assert look(scene, UNREAD + elsewhere) == [exchange.connection.id]
    assert why(exchange)[2] == "net"


def test_what_cannot_be_judged_again_cannot_stay(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    exchange = tunnel(scene)
    exchange.facts = replace(exchange.facts, host="no host at all")  # type: ignore[arg-type]  # a bug somewhere else

    assert look(scene, UNREAD + NO_SITE) == [exchange.connection.id]
    assert why(exchange) == (Verdict.DENY, Reason.INTERNAL_ERROR, None)


def test_many_are_judged_without_keeping_others_from_their_turn(tmp_path: Path) -> None:
    scene = Scene(tmp_path, policy=UNREAD)
    wanted = [tunnel(scene).connection.id for _ in range(120)]

    assert sorted(look(scene, UNREAD + NO_SITE)) == sorted(wanted)


ASK = "GET http://site.example/feed HTTP/1.1\nHost: site.example"
NO_FEED = "rules: [{id: no-feed, action: deny, reason: No, when: {response.type: [text/event-stream]}}]\n"


def stream(scene: Scene) -> Exchange:
    """An exchange whose answer goes on and on."""
    flow = scene.ask(scene.client(), ASK)
    scene.answer(flow, Response.make(200, b"", {"Content-Type": "text/event-stream", "Transfer-Encoding": "chunked"}))
    return judged(flow)


@pytest.mark.parametrize(("rule", "policy"), [("no-site", ALLOW + NO_SITE), ("no-feed", ALLOW + NO_FEED)])
def test_an_answer_that_goes_on_is_judged_again_with_all_that_is_known_of_it(
    rule: str, policy: str, tmp_path: Path
) -> None:
    scene = Scene(tmp_path)
    exchange = stream(scene)
    scene.elapsed = LONG

    assert look(scene, policy) == [], "its connection may carry others"
    assert why(exchange) == (Verdict.DENY, Reason.POLICY_CHANGED, rule)


def test_an_answer_that_has_just_begun_ends_under_the_policy_of_its_request(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    exchange = stream(scene)
    gate, scene.elapsed = exchange.gate, LONG - 0.1

    assert look(scene, ALLOW + NO_SITE) == []
    assert (exchange.outcome, exchange.gate) == (None, gate)


def test_a_long_answer_that_is_allowed_still_goes_on_under_the_new_policy(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    exchange = stream(scene)
    scene.elapsed = LONG

    assert look(scene, ALLOW + NO_CHAT) == []
    assert exchange.outcome is None
    assert exchange.gate is scene.listener.store.current


UPLOAD = "PUT http://site.example/big HTTP/1.1\nHost: site.example\nTransfer-Encoding: chunked"


def test_an_upload_that_goes_on_is_judged_again_before_it_is_answered(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    exchange = judged(scene.ask(scene.client(), UPLOAD))
    scene.elapsed = LONG

    assert look(scene, ALLOW + NO_FEED) == []
    assert exchange.outcome is None, "what its answer will be is not known yet"
    assert look(scene, ALLOW + NO_SITE) == []
    assert why(exchange) == (Verdict.DENY, Reason.POLICY_CHANGED, "no-site")


def test_a_request_that_was_sent_whole_may_wait_for_its_answer(tmp_path: Path) -> None:
    scene = Scene(tmp_path)
    exchange = judged(scene.ask(scene.client(), UPLOAD))
    exchange.request_done, scene.elapsed = True, LONG

    assert look(scene, ALLOW + NO_SITE) == []
    assert exchange.outcome is None
