"""Presets of security fields on the way out: over HTTP and HTTPS, beside what an application and the policy say."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from gateway.config.settings import CacheSettings, RouteSettings
from gateway.upstreams.answers import FixedResponse, Redirect
from gateway.upstreams.safety import fields_of
from tests.e2e.gateways import Scenery, serving
from tests.e2e.protected import DIRECTIONS, HOST, Said, Version, protected
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.upstreams.safety import SecurityPreset

pytestmark = pytest.mark.e2e

POLICY: Final = """
rules: [{id: no-admin, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}]
headers: [{id: ours, response: {set: {Referrer-Policy: origin}, remove: [X-Frame-Options]}}]
"""
HSTS: Final = "strict-transport-security"


def lower(preset: SecurityPreset, *, https: bool) -> dict[str, str]:
    return {name.decode().lower(): value.decode() for name, value in fields_of(preset, https=https)}


@pytest.mark.parametrize(("client", "upstream"), DIRECTIONS)
@pytest.mark.parametrize("preset", ["api", "web", "strict"])
def test_answers_have_the_fields_of_the_preset(
    preset: SecurityPreset, client: Version, upstream: Version, tmp_path: Path
) -> None:
    with protected(tmp_path, upstream, route=RouteSettings(upstream="app", security_fields=preset)) as here:
        answer = here.ask(client)

    wanted = lower(preset, https=True)
    assert {name: answer.get(name) for name in wanted} == wanted


def test_what_the_application_says_stays_and_is_said_once(tmp_path: Path) -> None:
    own = (("Content-Security-Policy", "default-src *"), ("x-frame-options", "SAMEORIGIN"), (HSTS, "max-age=1"))
    with protected(tmp_path, route=RouteSettings(upstream="app", security_fields="strict")) as here:
        here.upstream.says = Said(fields=own)
        answer = here.ask("h1")

    for name, value in own:
        assert [each for held, each in answer.fields if held == name.lower()] == [value]


def test_the_policy_has_the_last_word(tmp_path: Path) -> None:
    with protected(tmp_path, policy=POLICY, route=RouteSettings(upstream="app", security_fields="web")) as here:
        answer = here.ask("h1")

    assert (answer.get("referrer-policy"), answer.get("x-frame-options")) == ("origin", None)
    assert answer.get("x-content-type-options") == "nosniff"


def test_over_http_nobody_insists_on_https(tmp_path: Path) -> None:
    route = RouteSettings(upstream="app", security_fields="strict")
    with protected(tmp_path, is_secure=False) as here:
        scenery = Scenery(folder=_folder(tmp_path), origin=here.origin.port, routes=(route,))
        with serving(scenery) as gateway, connect(gateway.reverse) as wire:
            answer = wire.ask(get("/", HOST))

    wanted = lower("strict", https=False)
    assert {name: answer.get(name) for name in wanted} == wanted
    assert answer.get(HSTS) is None


def _folder(folder: Path) -> Path:
    inside = folder / "plain"
    inside.mkdir()
    return inside


@pytest.mark.parametrize(
    "own",
    [Redirect.to("/there"), FixedResponse(status=200, body=b"x", type="text/plain")],
)
def test_answers_of_routes_have_them_too(own: Redirect | FixedResponse, tmp_path: Path) -> None:
    with protected(tmp_path, route=RouteSettings(answer=own, security_fields="api")) as here:
        answer = here.ask("h1")

    wanted = lower("api", https=True)
    assert {name: answer.get(name) for name in wanted} == wanted


@pytest.mark.parametrize("accept", ["text/html", "application/json"])
def test_a_refusal_is_framed_by_nobody(accept: str, tmp_path: Path) -> None:
    with (
        protected(tmp_path, policy=POLICY, security_fields="web") as here,
        here.wire() as wire,
    ):
        answer = wire.ask(get("/refused", HOST, f"Accept: {accept}"))

    assert answer.status == 403
    assert (answer.get("x-frame-options"), answer.get("x-content-type-options")) == ("DENY", "nosniff")
    assert (answer.get("referrer-policy"), answer.get(HSTS)) == ("no-referrer", "max-age=31536000")
    assert "default-src 'none'" in str(answer.get("content-security-policy"))


def test_a_route_may_say_otherwise_than_its_listener(tmp_path: Path) -> None:
    route = RouteSettings(upstream="app", security_fields="off")
    with protected(tmp_path, route=route, security_fields="strict") as here:
        assert here.ask("h1").get("x-frame-options") is None


def test_without_a_preset_nothing_is_filled_in(tmp_path: Path) -> None:
    with protected(tmp_path) as here:
        answer = here.ask("h2")

    assert {name for name, _ in answer.fields} & set(lower("strict", https=True)) == set()


def test_kept_answers_get_them_as_fresh_ones_do(tmp_path: Path) -> None:
    route = RouteSettings(upstream="app", security_fields="api", cache=CacheSettings())
    with protected(tmp_path, route=route) as here:
        here.upstream.says = Said(fields=(("Cache-Control", "max-age=60"),))
        answers = [here.ask("h1") for _ in range(2)]

    assert len(here.upstream.heard) == 1
    assert [each.get("x-frame-options") for each in answers] == ["DENY"] * 2
