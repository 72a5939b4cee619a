from __future__ import annotations

import pytest

from tests.unit.config.objections import APP, FORWARD, objections


@pytest.mark.parametrize(
    ("said", "listeners"),
    [
        (
            "listeners[0]: `routes` is missing: a reverse listener needs one at least, like `[{upstream: app}]`",
            "[{name: a, mode: reverse, bind: 127.0.0.1:1, policy: p}]",
        ),
        (
            "listeners[0].routes: a forward listener has no routes, its clients say where they want to go",
            "[{name: a, mode: forward, bind: 127.0.0.1:1, policy: p, routes: [{upstream: app}]}]",
        ),
        (
            "listeners[0].mode: `froward` is unknown here, did you mean `forward`?",
            "[" + FORWARD.replace("forward", "froward") + "]",
        ),
        (
            (
                "listeners: the list is empty, here belongs a list, "
                "like `[{name: ..., mode: forward, bind: 127.0.0.1:8080, policy: ...}]`"
            ),
            "[]",
        ),
    ],
)
def test_a_listener_that_makes_no_sense_is_refused_with_the_way_out(said: str, listeners: str) -> None:
    assert [said] == objections(f"{APP}listeners: {listeners}")
