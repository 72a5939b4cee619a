from __future__ import annotations

from tests.unit.config.objections import FORWARD, objections


def test_what_an_upstream_cannot_do_yet_is_refused() -> None:
    upstream = 'upstreams: {app: {balance: hash, health: {}, servers: [{url: "http://127.0.0.1:8000"}]}}'

    assert objections(f"listeners: [{FORWARD}]\n{upstream}") == [
        "upstreams.app.balance: `hash` is not supported yet, write `round_robin`",
        "upstreams.app: `health` is not supported yet, leave it out",
    ]


def test_an_upstream_needs_a_server() -> None:
    assert objections(f"listeners: [{FORWARD}]\nupstreams: {{x: {{servers: []}}}}") == [
        'upstreams.x.servers: the list is empty, here belongs a list, like `[{url: "http://127.0.0.1:8000"}]`'
    ]
