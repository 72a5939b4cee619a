"""What the admin process is told when it is started: one line of JSON, in which nothing is secret."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from gateway.config.settings import AdminSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class Brief:
    """`socket` is the number of the listening socket that it inherits; `certificate` and `key` are paths, or empty."""

    socket: int
    state: str
    version: str
    hosts: tuple[str, ...] = ()
    certificate: str = ""
    key: str = ""
    open_metrics: bool = False

    @classmethod
    def of(cls, settings: AdminSettings, state: Path, version: str, socket: int) -> Self:
        """The brief for an admin side that is configured so."""
        shown = settings.tls
        return cls(
            socket=socket,
            state=str(state.resolve()),
            version=version,
            hosts=tuple(host.text for host in settings.hosts),
            certificate="" if shown is None else str(shown.certificate.resolve()),
            key="" if shown is None else str(shown.key.resolve()),
            open_metrics=settings.open_metrics,
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Self:
        """The brief on a line that `str` made."""
        said: dict[str, Any] = json.loads(line)
        return cls(**said | {"hosts": tuple(said["hosts"])})

    @property
    def folder(self) -> Path:
        """The state folder."""
        return Path(self.state)

    @property
    def log(self) -> Path:
        """The folder of the audit log."""
        return self.folder / "audit"

    @property
    def is_encrypted(self) -> bool:
        """Whether it speaks TLS."""
        return bool(self.certificate)
