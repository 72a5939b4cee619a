from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.load import read_settings
from gateway.policy.addresses import Address
from gateway.policy.problems import Invalid

FORWARD = "{name: a, mode: forward, bind: 127.0.0.1:1, policy: p}"
REVERSE = "{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p, "
APP = 'upstreams: {app: {servers: [{url: "http://127.0.0.1:8000"}]}}\n'


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            "listeners[0]: `tls` is not supported yet, leave it out",
            "listeners: [" + REVERSE + "tls: {}, routes: [{upstream: app}]}]",
        ),
        (
            "listeners[0].routes[0]: `cache` is not supported yet, leave it out",
            "listeners: [" + REVERSE + "routes: [{upstream: app, cache: {enabled: true}}]}]",
        ),
        ("`admin` is not supported yet, leave it out", f"listeners: [{FORWARD}]\nadmin: {{bind: 127.0.0.1:8090}}"),
        ("audit: `export` is not supported yet, leave it out", f"listeners: [{FORWARD}]\naudit: {{export: []}}"),
        (
            "audit: `rotate` is not supported yet, leave it out",
            f"listeners: [{FORWARD}]\naudit: {{rotate: {{age: 1d}}}}",
        ),
        (
            "audit.durability: `sync` is not supported yet, write `batched`",
            f"listeners: [{FORWARD}]\naudit: {{durability: sync}}",
        ),
        (
            "audit.on_failure: `open` is not supported yet, write `closed`",
            f"listeners: [{FORWARD}]\naudit: {{on_failure: open}}",
        ),
        ("engine: `envoy` is not supported yet, write `mitmproxy`", f"listeners: [{FORWARD}]\nengine: envoy"),
        (
            "workers: `2` cannot stand here, here belongs `1`; more than one worker is not supported yet",
            f"listeners: [{FORWARD}]\nworkers: 2",
        ),
    ],
)
def test_what_has_no_effect_yet_is_refused_so_that_nobody_believes_in_it(said: str, yaml: str) -> None:
    assert said in _objections(APP + yaml)


def test_what_an_upstream_cannot_do_yet_is_refused() -> None:
    upstream = 'upstreams: {app: {balance: hash, health: {}, servers: [{url: "http://127.0.0.1:8000"}]}}'

    assert _objections(f"listeners: [{FORWARD}]\n{upstream}") == [
        "upstreams.app.balance: `hash` is not supported yet, write `round_robin`",
        "upstreams.app: `health` is not supported yet, leave it out",
    ]


@pytest.mark.parametrize(
    ("said", "yaml"),
    [
        (
            "listeners[0]: `routes` is missing: a reverse listener needs one at least, like `[{upstream: app}]`",
            "listeners: [{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p}]",
        ),
        (
            "listeners[0].routes: a forward listener has no routes, its clients say where they want to go",
            "listeners: [{name: a, mode: forward, bind: 127.0.0.1:1, policy: p, routes: [{upstream: app}]}]",
        ),
        (
            "listeners[0].routes[0].upstream: there is no upstream `ap`, did you mean `app`?",
            "listeners: [" + REVERSE + "routes: [{upstream: ap}]}]",
        ),
        (
            "listeners[0].routes[0].path.prefix[0]: path `api`: a path begins with `/`, write `/api`",
            "listeners: [" + REVERSE + "routes: [{upstream: app, path: {prefix: [api]}}]}]",
        ),
        (
            "listeners[0].routes[0].host: `is`, `under` cannot stand together: write a second route for the other",
            "listeners: [" + REVERSE + "routes: [{upstream: app, host: {is: [a], under: [b]}}]}]",
        ),
        (
            "listeners[0].mode: `froward` is unknown here, did you mean `forward`?",
            "listeners: [" + FORWARD.replace("forward", "froward") + "]",
        ),
        (
            (
                "listeners: the list is empty, here belongs a list, "
                "like `[{name: ..., mode: forward, bind: 127.0.0.1:8080, policy: ...}]`"
            ),
            "listeners: []",
        ),
        (
            'upstreams.x.servers: the list is empty, here belongs a list, like `[{url: "http://127.0.0.1:8000"}]`',
            f"listeners: [{FORWARD}]\nupstreams: {{x: {{servers: []}}}}",
        ),
        (
            "resolver.hosts.a b: host `a b`: spaces are not allowed",
            f"listeners: [{FORWARD}]\nresolver: {{hosts: {{a b: [10.0.0.1]}}}}",
        ),
        (
            "limits.fields: `0` cannot stand here, here belongs a whole number from 1 to 10000",
            f"listeners: [{FORWARD}]\nlimits: {{fields: 0}}",
        ),
    ],
)
def test_settings_that_make_no_sense_are_refused_with_the_way_out(said: str, yaml: str) -> None:
    upstreams = "" if "upstreams:" in yaml else APP

    assert [said] == _objections(upstreams + yaml)


def test_the_resolver_is_told_of_a_name_of_all_below_a_name_and_of_names_that_there_are_not() -> None:
    hosts = "{Db.Example: [10.0.0.1], .Test: [10.0.0.2], no.test: []}"
    yaml = f"version: 1\nlisteners: [{FORWARD}]\nresolver: {{hosts: {hosts}}}"

    assert read_settings(yaml, "w.yaml", Path("base")).resolver.hosts == {
        "db.example": (Address.parse("10.0.0.1"),),
        ".test": (Address.parse("10.0.0.2"),),
        "no.test": (),
    }


def test_without_upstreams_a_route_is_told_where_to_declare_one() -> None:
    assert _objections("listeners: [" + REVERSE + "routes: [{upstream: app}]}]") == [
        "listeners[0].routes[0].upstream: there is no upstream `app`, declare it under `upstreams`"
    ]


def _objections(yaml: str) -> list[str]:
    try:
        read_settings("version: 1\n" + yaml, "w.yaml", Path("base"))
    except Invalid as invalid:
        return [f"{problem.path}: {problem.message}".removeprefix(": ") for problem in invalid.problems]
    return []
