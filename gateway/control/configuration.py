"""A configuration that was read again: what of it takes effect while running, and what waits for the next start.

Routes and upstreams take effect, all of them or none; where policies and certificates lie is taken up, too, and what
lies there is read. Whatever else differs is named, so that nobody believes it.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING, Final

from gateway.policy.errors import Malformed
from gateway.policy.model import Mode
from gateway.upstreams.routes import RouteTable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.config.settings import ListenerSettings, Settings

_LATER: Final = "takes effect at the next start"
_RUNNING: Final = frozenset({"listeners", "upstreams", "routes", "policy", "written"})
"""The keys that are taken apart, or taken up."""


def tables(before: Settings, after: Settings) -> dict[str, RouteTable]:
    """The routes of every reverse listener that runs, by its name, as `after` says. Raises Malformed."""
    running = {each.name for each in before.listeners if each.mode is Mode.REVERSE}
    taken = [each for each in after.listeners if each.name in running and each.mode is Mode.REVERSE]
    if not _keeps_answers(before.listeners) and _keeps_answers(taken):
        raise Malformed("the first route with a `cache` needs a new start: nothing here keeps answers yet")
    if (longest := _longest_line(after)) > _longest_line(before):
        raise Malformed(f"a `queue.timeout` of {longest:g} s needs a new start: nothing here waits for that long yet")
    return {each.name: RouteTable.of(each, after.upstreams) for each in taken}


def what_waits(before: Settings, after: Settings) -> list[str]:
    """A sentence for everything that differs and is not taken up while running; `before` are those of the start."""
    was, will = ({each.name: each for each in settings.listeners} for settings in (before, after))
    waiting = [f"`{name}` has changed: that {_LATER}" for name in _differing(before, after)]
    for name, listener in was.items():
        if name not in will:
            waiting.append(f"listener `{name}` was left out: it stays until the next start")
        else:
            keys = [
                key for key in _differing(listener, will[name]) if key != "tls" or _starts_tls(listener, will[name])
            ]
            waiting += [f"listener `{name}`: `{key}` has changed: that {_LATER}" for key in keys]
    return [*waiting, *(f"listener `{name}` is new: it {_LATER}" for name in will if name not in was)]


def _differing[S: (Settings, ListenerSettings)](one: S, other: S) -> Iterator[str]:
    keys = (each.name for each in fields(one) if each.name not in _RUNNING)
    return (key for key in keys if getattr(one, key) != getattr(other, key))


def _starts_tls(before: ListenerSettings, after: ListenerSettings) -> bool:
    """Whether a listener would begin to speak TLS, or cease to; what it shows can change while it runs."""
    return before.tls is None or after.tls is None


def _longest_line(settings: Settings) -> float:
    """Seconds that a request may stand in line; the deadlines of hooks are made for it at the start."""
    return max((each.rules.queue.timeout for each in settings.upstreams.values()), default=0.0)


def _keeps_answers(listeners: Iterable[ListenerSettings]) -> bool:
    return any(route.cache is not None for listener in listeners for route in listener.routes)
