from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from addons.workers.supervisor import NotStarted, run
from gateway.audit.reading.reader import records

if TYPE_CHECKING:
    from gateway.config.settings import Settings


def test_everything_that_keeps_several_workers_from_starting_is_told_in_one_go(
    settings: Settings, said: list[str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        forward = replace(settings.listeners[0], bind=(settings.listeners[0].bind[0], taken.getsockname()[1]))
        settings.listeners[1].policy.write_text("version: 1\nnmae: x\n", encoding="utf-8")
        wanted = replace(settings, workers=2, listeners=(forward, settings.listeners[1]))

        with pytest.raises(NotStarted) as refused:
            run(wanted, said=said.append, version="0")

    problems = "\n".join(refused.value.problems)
    assert "is taken by another process" in problems
    assert "`nmae`" in problems
    assert said == []
    assert [each["event"] for each in records(settings.state / "audit") if each["event"] in {"start", "stop"}] == []


def test_a_log_that_somebody_else_has_ends_the_start(settings: Settings, said: list[str]) -> None:
    settings.state.mkdir()
    (settings.state / "audit").write_text("no folder", encoding="utf-8")

    with pytest.raises(NotStarted, match="audit"):
        run(replace(settings, workers=2), said=said.append, version="0")
