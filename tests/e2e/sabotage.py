"""Addons that fail in one hook, in every way in which a hook can fail."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from addons.connections.fail_closed import HOOKS, Dispatch, hook_table

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterable

    from mitmproxy.proxy.commands import StartHook

MOMENT = 0.05
"""Seconds that a hook may take which hangs; whatever does its work may take as long as in any other gateway."""


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


class Impatient(Dispatch):
    """Waits a moment for a hook in which a saboteur hangs, and patiently for every other."""

    def __init__(self, addons: Iterable[object]) -> None:
        table = hook_table(addons)
        super().__init__(table)
        self._hasty = Dispatch(table, MOMENT)
        self._saboteurs = [each for each in addons if isinstance(each, Saboteur)]

    def call(self, hook: StartHook) -> Coroutine[Any, Any, None] | None:
        if any(each.how is hang and each.target == hook.name for each in self._saboteurs):
            return self._hasty.call(hook)
        return super().call(hook)


def _listening(name: str) -> Callable[[Saboteur, Any], Any]:
    return lambda saboteur, data: saboteur.hear(name, data)


for _name in HOOKS:
    setattr(Saboteur, _name, _listening(_name))


def named(how: Callable[[Any], Any]) -> str:
    """The name of the exception that a way of failing ends in."""
    return {"cancel": "CancelledError", "leave": "SystemExit", "hang": "TimeoutError"}.get(how.__name__, "ValueError")
