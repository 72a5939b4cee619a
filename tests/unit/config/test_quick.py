from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.quick import Forward, Reverse, quick_settings
from gateway.config.settings import DEFAULT_STATE
from gateway.policy.errors import Malformed
from gateway.policy.model import Mode


def test_a_forward_proxy_needs_no_file() -> None:
    settings = quick_settings(forward=Forward(policy=Path("corporate.yaml")))

    (listener,) = settings.listeners
    assert (listener.name, listener.mode, listener.endpoint) == ("forward", Mode.FORWARD, "127.0.0.1:8080")
    assert listener.policy == Path("corporate.yaml")
    assert settings.state == DEFAULT_STATE


def test_a_reverse_gateway_needs_only_its_servers() -> None:
    reverse = Reverse(
        policy=Path("api.yaml"), urls=("http://127.0.0.1:8000", "http://127.0.0.1:8001"), listen="[::1]:0"
    )

    settings = quick_settings(reverse=reverse, state=Path("here"))

    (listener,) = settings.listeners
    assert (listener.name, listener.mode, listener.endpoint) == ("reverse", Mode.REVERSE, "[::1]:0")
    assert [route.upstream for route in listener.routes] == ["app"]
    assert [str(server) for server in settings.upstreams["app"].servers] == list(reverse.urls)
    assert settings.state == Path("here")


def test_the_quick_start_is_both() -> None:
    settings = quick_settings(
        forward=Forward(policy=Path("f.yaml")), reverse=Reverse(policy=Path("r.yaml"), urls=("http://127.0.0.1:8000",))
    )

    assert [listener.endpoint for listener in settings.listeners] == ["127.0.0.1:8080", "127.0.0.1:8081"]


@pytest.mark.parametrize(
    ("said", "reverse"),
    [
        (
            "`8081` is no address to listen on, write `127.0.0.1:8081`",
            Reverse(policy=Path("p"), urls=(), listen="8081"),
        ),
        (
            "`http://a/x`: leave out what follows the host and port, requests bring their own path",
            Reverse(policy=Path("p"), urls=("http://a/x",)),
        ),
    ],
)
def test_what_makes_no_sense_on_the_command_line_is_refused(said: str, reverse: Reverse) -> None:
    with pytest.raises(Malformed) as caught:
        quick_settings(reverse=reverse)

    assert said == str(caught.value)
