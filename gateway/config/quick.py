"""Settings without a file: what `wicketgate forward`, `wicketgate reverse` and the quick start mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.config.endpoints import parse_bind, parse_server
from gateway.config.sections.admin import parse_admin_bind
from gateway.config.settings import (
    DEFAULT_STATE,
    AdminSettings,
    ListenerSettings,
    RouteSettings,
    Settings,
    UpstreamSettings,
)
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from pathlib import Path

FORWARD_LISTEN: Final = "127.0.0.1:8080"
REVERSE_LISTEN: Final = "127.0.0.1:8081"
UPSTREAM: Final = "app"


@dataclass(frozen=True, slots=True, kw_only=True)
class Forward:
    """One forward proxy: where it listens and what rules it."""

    policy: Path
    listen: str = FORWARD_LISTEN


@dataclass(frozen=True, slots=True, kw_only=True)
class Reverse:
    """One reverse gateway in front of the servers at `urls`, which do the same."""

    policy: Path
    urls: tuple[str, ...]
    listen: str = REVERSE_LISTEN


def quick_settings(
    *,
    forward: Forward | None = None,
    reverse: Reverse | None = None,
    state: Path = DEFAULT_STATE,
    admin: str | None = None,
    workers: int = 1,
) -> Settings:
    """The settings of one or two listeners, and of the admin side if it has an address.

    Raises Malformed for an address or a URL that makes no sense.
    """
    listeners = []
    upstreams = {}
    if forward is not None:
        bind = parse_bind(forward.listen)
        listeners.append(ListenerSettings(name="forward", mode=Mode.FORWARD, bind=bind, policy=forward.policy))
    if reverse is not None:
        bind, routes = parse_bind(reverse.listen), (RouteSettings(upstream=UPSTREAM),)
        listeners.append(
            ListenerSettings(name="reverse", mode=Mode.REVERSE, bind=bind, policy=reverse.policy, routes=routes)
        )
        servers = tuple(parse_server(url) for url in reverse.urls)
        upstreams[UPSTREAM] = UpstreamSettings(name=UPSTREAM, servers=servers)
    return Settings(
        listeners=tuple(listeners),
        state=state,
        upstreams=upstreams,
        workers=workers,
        admin=None if admin is None else AdminSettings(bind=parse_admin_bind(admin)),
    )
