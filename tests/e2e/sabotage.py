"""Addons that fail in one hook, in every way in which a hook can fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from addons.connections.fail_closed import HOOKS

if TYPE_CHECKING:
    from collections.abc import Callable


def explode(_data: Any) -> None:
    raise ValueError("a hook of a test explodes")


def cancel(_data: Any) -> None:
    raise asyncio.CancelledError


def leave(_data: Any) -> None:
    raise SystemExit(3)


async def hang(_data: Any) -> None:
    await asyncio.sleep(3600)


async def explode_later(_data: Any) -> None:
    await asyncio.sleep(0.01)
    raise ValueError("a hook of a test explodes after a while")


SABOTAGE = [explode, cancel, leave, hang, explode_later]


@dataclass
class Saboteur:
    """Answers every hook, and does `how` in the one that is its `target`."""

    target: str | None = None
    how: Callable[[Any], Any] = explode
    heard: list[str] = field(default_factory=list)

    def hear(self, name: str, data: Any) -> Any:
        self.heard.append(name)
        return self.how(data) if name == self.target else None


def _listening(name: str) -> Callable[[Saboteur, Any], Any]:
    return lambda saboteur, data: saboteur.hear(name, data)


for _name in HOOKS:
    setattr(Saboteur, _name, _listening(_name))


def named(how: Callable[[Any], Any]) -> str:
    """The name of the exception that a way of failing ends in."""
    return {"cancel": "CancelledError", "leave": "SystemExit", "hang": "TimeoutError"}.get(how.__name__, "ValueError")
