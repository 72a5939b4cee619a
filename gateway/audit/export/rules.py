"""What one exporter is told: where records go, which ones, and in whose words.

The values cross a border of processes as JSON. Secrets are named in them and never held.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.audit.export.targets import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.audit.records.record import Record

type Kind = Literal["stdout", "syslog", "otlp", "webhook"]
type Form = Literal["record", "ocsf", "ecs", "cef", "otel"]
type Verdict = Literal["allow", "deny"]

DECISION: Final = "decision"


@dataclass(frozen=True, slots=True)
class Secret:
    """Where a secret is: a file, or a variable of the environment."""

    file: Path | None = None
    environment: str | None = None

    def __str__(self) -> str:
        return f"the variable `{self.environment}`" if self.file is None else f"the file `{self.file}`"


@dataclass(frozen=True, slots=True)
class Choice:
    """Which records are sent: of these `events` (none: all), and of decisions only those with the `verdict`."""

    events: frozenset[str] = frozenset()
    verdict: Verdict | None = None

    def takes(self, record: Record) -> bool:
        """Whether a record is sent."""
        event = record.get("event")
        if self.events and event not in self.events:
            return False
        if self.verdict is None:
            return True
        if event != DECISION:
            return event in self.events
        decision = record.get("decision")
        return isinstance(decision, dict) and decision.get("verdict") == self.verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """One exporter. `target` is None for `stdout` alone.

    `trust` is a PEM file of authorities in place of the system's. `secret` signs what a webhook gets; `authorization`
    holds the value of the field of that name.
    """

    name: str
    kind: Kind
    target: Target | None = None
    form: Form = "record"
    choice: Choice = Choice()
    trust: Path | None = None
    secret: Secret | None = None
    authorization: Secret | None = None

    def __str__(self) -> str:
        return f"exporter `{self.name}`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Anchorage:
    """Where checkpoints are sent, beside the files that keep them; its keys are those of an exporter."""

    kind: Literal["syslog", "webhook"]
    target: Target
    trust: Path | None = None
    secret: Secret | None = None
    authorization: Secret | None = None

    @property
    def name(self) -> str:
        """How people know it: `syslog tls://logs.example:6514`."""
        return f"{self.kind} {self.target}"

    def __str__(self) -> str:
        return f"anchor `{self.name}`"


def as_text(exports: Iterable[Export]) -> str:
    """The exporters as one line of JSON."""
    return json.dumps([asdict(each) for each in exports], default=_plain, separators=(",", ":"))


def from_text(text: str) -> tuple[Export, ...]:
    """The exporters that `as_text` wrote down."""
    return tuple(_export(each) for each in json.loads(text))


def _plain(value: object) -> object:
    return sorted(value) if isinstance(value, frozenset) else str(value)


def _export(found: dict[str, object]) -> Export:
    target, choice = found.pop("target"), found.pop("choice")
    parts = {
        "target": None if target is None else Target(**target),  # type: ignore[arg-type]  # our own `asdict`
        "choice": Choice(frozenset(choice["events"]), choice["verdict"]),  # type: ignore[index]  # our own `asdict`
        "trust": _path(found.pop("trust")),
        "secret": _secret(found.pop("secret")),
        "authorization": _secret(found.pop("authorization")),
    }
    return Export(**found, **parts)  # type: ignore[arg-type]  # our own `asdict`


def _path(found: object) -> Path | None:
    return None if found is None else Path(str(found))


def _secret(found: object) -> Secret | None:
    return Secret(_path(found["file"]), found["environment"]) if isinstance(found, dict) else None
