"""How a start is told: in the log, to the operator, and why there was none. One process or several say the same."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import configuration_record, start_record
from gateway.config.digest import digest_of

if TYPE_CHECKING:
    from gateway.audit.records.record import Record
    from gateway.config.settings import ListenerSettings, Settings
    from gateway.control.returning import Returned

DRAIN: Final = 10.0
"""Seconds that exchanges get to end when the gateway is told to."""


class NotStarted(Exception):  # noqa: N818 - it says what happened
    """The gateway cannot start; `problems` says why, in words for people, all at once."""

    def __init__(self, *problems: str) -> None:
        super().__init__("\n".join(problems))
        self.problems: Final = problems


def start_of(settings: Settings, version: str, configuration: str | None, now: float) -> Record:
    """The record of a start, `now` in seconds since the epoch."""
    return start_record(
        version=version,
        engine=settings.engine,
        listeners=[f"{each.name} {_place(each)}" for each in settings.listeners],
        configuration=configuration,
        settings=digest_of(settings),
        workers=settings.workers if settings.workers > 1 else None,
        now=now,
    )


def returned_record(returned: Returned, now: float) -> Record:
    """The record of a start with what was in force last, `now` in seconds since the epoch."""
    return configuration_record(
        outcome="kept", problems=returned.because, now=now, cause="start", settings=digest_of(returned.settings)
    )


def ready(settings: Settings) -> str:
    """What the operator hears once connections are accepted."""
    places = [_place(each) for each in settings.listeners]
    places += [] if settings.admin is None else [f"admin {settings.admin.endpoint}"]
    return f"ready: {', '.join(places)}"


def _place(listener: ListenerSettings) -> str:
    return f"{listener.mode} {listener.endpoint}"
