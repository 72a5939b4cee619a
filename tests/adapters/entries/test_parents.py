from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mitmproxy.http import Response

from addons.entries.parents import Parents, parents_of
from addons.judging.refusals import Refusal
from gateway.config.settings import ParentSettings, ResolverSettings, SecretSource, Settings
from gateway.policy.addresses import Address
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode, Reason
from gateway.policy.names import Host
from gateway.upstreams.parents import Parent, ParentTable
from gateway.upstreams.resolver import Resolver
from tests.adapters.scene import PLAIN, judged, said

if TYPE_CHECKING:
    from collections.abc import Callable

    from mitmproxy.http import HTTPFlow

    from tests.adapters.scene import Scene

LOOPBACK = Address.parse("127.0.0.1")
OWN = frozenset({(LOOPBACK, 8080)})
AUTHORIZATION = b"Basic dXNlcjpodW50ZXIy"
NAMES = {"site.example": "93.184.216.34", "proxy.example": "10.0.0.8", "inside.example": "10.0.0.1"}
DENY_NETWORK = (
    "version: 1\nname: open\ndefault: {action: allow}\n"
    "rules: [{id: no-net, action: deny, reason: closed, when: {destination.ip: {in: [93.184.216.0/24]}}}]\n"
)


def parent(**keys: object) -> Parent:
    settings: dict[str, object] = {
        "name": "office",
        "scheme": "http",
        "host": Host.parse("proxy.example"),
        "port": 3128,
        "authorization": AUTHORIZATION,
    }
    return Parent(**{**settings, **keys})  # type: ignore[arg-type]  # the keys are those of the dataclass


def behind(stage: Scene, **keys: object) -> Scene:
    """The scene, with everything going through one parent."""
    stage.listener.parents = ParentTable(_any={None: parent(**keys)})
    return stage


def asked(stage: Scene, head: str = PLAIN) -> HTTPFlow:
    flow = stage.ask(stage.client(), head)
    stage.parents.requestheaders(flow)
    return flow


def settings_of(*parents: ParentSettings) -> Settings:
    hosts = {"me.example": (LOOPBACK,)}
    return Settings(listeners=(), parents={each.name: each for each in parents}, resolver=ResolverSettings(hosts=hosts))


def named(name: str, **keys: object) -> ParentSettings:
    settings: dict[str, object] = {"scheme": "http", "host": Host.parse("proxy.example"), "port": 3128}
    return ParentSettings(name=name, **{**settings, **keys})  # type: ignore[arg-type]  # the keys are the dataclass's


def test_a_plain_request_names_its_whole_place_and_brings_the_gateways_own_credentials(
    scene: Callable[..., Scene],
) -> None:
    stage = behind(scene(names=NAMES))
    flow = asked(stage, f"{PLAIN}\nProxy-Authorization: Basic Y2xpZW50OnNlY3JldA==")

    assert flow.response is None
    assert flow.request.data.authority == b"site.example"
    assert flow.request.headers.get_all("proxy-authorization") == [AUTHORIZATION.decode()]
    assert judged(flow).judged == (Address.parse("10.0.0.8"),)
    (decision,) = [record for record in stage.records() if record["event"] == "decision"]
    assert decision["destination"] == {
        "ip": "10.0.0.8",
        "answers": ["93.184.216.34"],
        "parent": "office",
        "original": None,
    }


@pytest.mark.parametrize(
    ("authority", "path", "head"),
    [
        (b"site.example:8080", b"/a", "GET http://site.example:8080/a HTTP/1.1\nHost: site.example:8080"),
        (b"site.example", b"", "OPTIONS http://site.example HTTP/1.1\nHost: site.example"),
        (b"[2606:4700::1]", b"/", "GET http://[2606:4700::1]/ HTTP/1.1\nHost: [2606:4700::1]"),
    ],
)
def test_the_place_is_written_as_a_proxy_reads_it(
    authority: bytes, path: bytes, head: str, scene: Callable[..., Scene]
) -> None:
    data = asked(behind(scene(names=NAMES)), head).request.data

    assert (authority, path or data.path) == (data.authority, data.path)


def test_without_a_parent_nothing_changes(scene: Callable[..., Scene]) -> None:
    flow = asked(scene(names=NAMES))

    assert (flow.request.data.authority, flow.request.headers.get("proxy-authorization")) == (b"", None)


@pytest.mark.parametrize(
    ("reason", "policy", "url"),
    [
        ("guardrail", None, "http://inside.example/"),
        ("guardrail", None, "http://10.0.0.1/"),
        ("guardrail", None, "http://127.1/"),
        ("upstream-unresolved", None, "http://none.example/"),
        ("rule-deny", DENY_NETWORK, "http://site.example/"),
    ],
)
def test_what_the_gateway_resolves_is_judged_before_the_parent_is_asked(
    reason: str, policy: str | None, url: str, scene: Callable[..., Scene]
) -> None:
    stage = behind(scene(names=NAMES | {"none.example": ""}, **({} if policy is None else {"policy": policy})))

    assert said(asked(stage, f"GET {url} HTTP/1.1\nHost: {url[7:-1]}"))[1] == reason


@pytest.mark.parametrize(
    ("reason", "policy", "host"),
    [
        (None, None, "inside.example"),
        (None, None, "none.example"),
        ("guardrail", None, "10.0.0.1"),
        ("guardrail", None, "[::ffff:10.0.0.1]"),
        ("guardrail", None, "localhost"),
        ("guardrail", None, "a.localhost"),
        ("guardrail", None, "metadata.google.internal"),
        ("rule-deny", DENY_NETWORK, "site.example"),
    ],
)
def test_of_a_name_that_only_the_parent_resolves_the_name_is_judged_and_rules_on_addresses_count(
    reason: str | None, policy: str | None, host: str, scene: Callable[..., Scene]
) -> None:
    names = NAMES | {"none.example": ""}
    stage = behind(scene(names=names, **({} if policy is None else {"policy": policy})), resolves="parent")
    flow = asked(stage, f"GET http://{host}/ HTTP/1.1\nHost: {host}")

    assert reason == (None if flow.response is None else said(flow)[1])


def test_a_parent_that_asks_the_client_for_credentials_is_not_heard(scene: Callable[..., Scene]) -> None:
    stage = behind(scene(names=NAMES))
    flow = asked(stage)

    answer = stage.answer(flow, Response.make(407, b"who are you", {"Proxy-Authenticate": "Basic realm=x"}))

    assert (answer.status_code, said(flow)[1]) == (502, "parent-refused")
    assert b"who are you" not in (answer.raw_content or b"")
    assert "proxy-authenticate" not in answer.headers


@pytest.mark.parametrize(
    ("sentence", "own", "names"),
    [
        ("The name of the parent proxy office cannot be resolved.", frozenset(), {}),
        (
            "The parent proxy office is this gateway itself.",
            frozenset({(LOOPBACK, 3128)}),
            {"proxy.example": "127.0.0.1"},
        ),
    ],
)
def test_a_parent_that_is_nowhere_or_is_the_gateway_refuses(
    sentence: str, own: frozenset[tuple[Address, int]], names: dict[str, str]
) -> None:
    hosts = {".example": ()} | {name: (Address.parse(address),) for name, address in names.items()}

    found = asyncio.run(Parents(Resolver(hosts), own).addresses(parent()))

    assert isinstance(found, Refusal)
    assert (found.decision.reason, found.decision.message) == (Reason.PARENT_REFUSED, sentence)


def test_a_parent_in_a_closed_range_is_allowed_because_the_configuration_names_it() -> None:
    found = asyncio.run(Parents(Resolver({"proxy.example": (Address.parse("10.0.0.8"),)}), OWN).addresses(parent()))

    assert found == (Address.parse("10.0.0.8"),)


def test_parents_bring_their_secrets(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("user:hunter2\n", encoding="utf-8")
    settings = settings_of(
        named("a"),
        named("b", credentials=SecretSource(tmp_path / "secret")),
        named("c", credentials=SecretSource(environment="C")),
    )

    found = parents_of(settings, OWN, {"C": "user:hunter2"})

    assert [each.authorization for each in found.values()] == [None, AUTHORIZATION, AUTHORIZATION]


def test_every_problem_of_parents_is_told_at_once() -> None:
    settings = settings_of(
        named("a", credentials=SecretSource(environment="A")),
        named("b", trust=Path("none.pem")),
        named("c", host=Host.parse("127.0.0.1"), port=8080),
        named("d", host=Host.parse("me.example"), port=8080),
    )

    with pytest.raises(Malformed) as refusal:
        parents_of(settings, OWN, {})

    assert str(refusal.value).splitlines() == [
        "parent `a`: the variable `A` is not set",
        "parent `b`: the file `none.pem` of `trust` is not there",
        "parent `c`: 127.0.0.1:8080 is a listener of this gateway, a loop",
        "parent `d`: me.example:8080 is a listener of this gateway, a loop",
    ]


def test_a_reverse_listener_goes_through_nobody(scene: Callable[..., Scene]) -> None:
    stage = scene(mode=Mode.REVERSE, upstreams=("http://site.example:8000",), names=NAMES)

    flow = asked(stage, "GET / HTTP/1.1\nHost: site.example")

    assert judged(flow).parent is None
