from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.settings import ListenerSettings
from gateway.control.store import PolicyStore
from gateway.policy.addresses import Address
from gateway.policy.model import Mode

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.records.record import Record

NOW = 1795428000.0


@dataclass
class Place:
    """A folder with a policy, what a store needs beside it, and what was recorded."""

    folder: Path
    now: float = NOW
    recorded: list[Record] = field(default_factory=list)
    log_is_full: bool = False

    @property
    def policy(self) -> Path:
        return self.folder / "office.yaml"

    @property
    def state(self) -> Path:
        return self.folder / "state"

    def write(self, policy: str, **beside: str) -> None:
        """Write the policy, and files beside it: `cases` is `office.cases.yaml`, `ads` is `ads.txt`."""
        self.policy.write_text(f"version: 1\n{policy}")
        for name, text in beside.items():
            (self.folder / ("office.cases.yaml" if name == "cases" else f"{name}.txt")).write_text(text)

    def store(self) -> PolicyStore:
        listener = ListenerSettings(
            name="egress", mode=Mode.FORWARD, bind=(Address.parse("127.0.0.1"), 8080), policy=self.policy
        )
        return PolicyStore(listener, self.state, own=frozenset(), clock=lambda: self.now, record=self.record)

    def record(self, record: Record) -> None:
        """Take a record down, as long as there is room."""
        if self.log_is_full:
            raise AuditUnavailable("the audit queue is full")
        self.recorded.append(record)

    def events(self) -> list[tuple[object, object]]:
        return [(record["event"], record["outcome"]) for record in self.recorded]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)
