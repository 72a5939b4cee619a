"""What the routes of the admin side share: the engine to ask, the log to read, and who has signed in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.admin.figures import Figures

if TYPE_CHECKING:
    from gateway.admin.asking import Engine
    from gateway.admin.brief import Brief
    from gateway.admin.guarding import Guard
    from gateway.admin.sessions import Sessions
    from gateway.admin.token import Secret


@dataclass(slots=True)
class Desk:
    """One for the process. `guard` is put in place when the application is built."""

    brief: Brief
    engine: Engine
    token: Secret
    sessions: Sessions
    figures: Figures = field(default_factory=Figures)
    guard: Guard | None = None
