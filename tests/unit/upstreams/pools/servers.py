"""Servers for pools of tests, and a clock that only a test moves."""

from __future__ import annotations

from dataclasses import dataclass

from gateway.config.settings import ServerSettings
from gateway.policy.names import Host


@dataclass(slots=True)
class Clock:
    """Seconds, moved by hand."""

    now: float = 1000.0

    def __call__(self) -> float:
        return self.now

    def pass_by(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds


def server(name: str, weight: int = 1) -> ServerSettings:
    """A server of this name."""
    return ServerSettings(scheme="http", host=Host.parse(name), port=8000, weight=weight)


def servers(*names: str) -> list[ServerSettings]:
    """Servers that are alike but for their names."""
    return [server(name) for name in names]


def url(name: str) -> str:
    """The name of the member that such a server becomes."""
    return f"http://{name}:8000"
