from __future__ import annotations

import socket
from pathlib import Path

import pytest

from gateway.cli.launch import ENGINES, launch, taken_ports, usable
from gateway.cli.outcome import Unusable
from gateway.cli.shipped import shipped_policy
from gateway.config.load import read_settings
from gateway.config.quick import Forward, Reverse, quick_settings
from gateway.config.settings import Settings
from gateway.policy.errors import Malformed


def _settings(forward: str, reverse: str) -> Settings:
    return quick_settings(
        forward=Forward(policy=shipped_policy("corporate"), listen=forward),
        reverse=Reverse(policy=shipped_policy("api"), urls=("http://127.0.0.1:8000",), listen=reverse),
    )


def test_every_taken_address_is_named_in_one_go() -> None:
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as two:
        first, second = (f"127.0.0.1:{each.getsockname()[1]}" for each in (one, two))
        settings = _settings(first, second)

        with pytest.raises(Unusable) as refused:
            launch(settings, ways_out={"forward": "--listen"})

    assert refused.value.problems == (
        f"listener `forward`: {first} is taken by another process, choose another with `--listen`",
        f"listener `reverse`: {second} is taken by another process, choose another with `bind`",
    )


def test_what_is_not_a_listener_can_be_asked_about_as_well() -> None:
    settings = _settings("127.0.0.1:0", "127.0.0.1:0")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        app = {"app": (settings.listeners[0].bind[0], port)}

        problems = taken_ports(settings, {"app": "--app"}, app)

    assert problems == [f"listener `app`: 127.0.0.1:{port} is taken by another process, choose another with `--app`"]


def test_every_problem_of_a_file_leaves_as_a_sentence() -> None:
    with pytest.raises(Unusable) as refused, usable():
        read_settings("version: 1\nlisteners: []\nworkers: 0\n", "wicketgate.yaml", Path())

    assert len(refused.value.problems) > 1
    assert all(problem.startswith("wicketgate.yaml:") for problem in refused.value.problems)


def test_a_malformed_argument_leaves_as_a_sentence() -> None:
    with pytest.raises(Unusable, match="is no address to listen on"), usable():
        _settings("8080", "127.0.0.1:0")


def test_every_engine_that_settings_may_name_has_its_module() -> None:
    assert list(ENGINES) == [Settings(listeners=()).engine]


def test_other_errors_pass_through_untouched() -> None:
    with pytest.raises(ZeroDivisionError), usable():
        raise ZeroDivisionError
    assert not issubclass(ZeroDivisionError, Malformed)
