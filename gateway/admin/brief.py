"""What the admin process is told when it is started: one line of JSON, in which nothing is secret."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

from gateway.config.settings import LogSettings

if TYPE_CHECKING:
    from gateway.config.settings import AdminSettings, LogFormat, LogLevel


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
    log_level: LogLevel = "warning"
    log_format: LogFormat = "text"

    @classmethod
    def of(
        cls, settings: AdminSettings, state: Path, version: str, socket: int, spoken: LogSettings | None = None
    ) -> Self:
        """The brief for an admin side that is configured so; it speaks to the operator as the gateway does."""
        form = LogSettings() if spoken is None else spoken
        shown = settings.tls
        return cls(
            socket=socket,
            state=str(state.resolve()),
            version=version,
            hosts=tuple(host.text for host in settings.hosts),
            certificate="" if shown is None else str(shown.certificate.resolve()),
            key="" if shown is None else str(shown.key.resolve()),
            open_metrics=settings.open_metrics,
            log_level=form.level,
            log_format=form.format,
        )

    def __str__(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def read(cls, line: str) -> Self:
        """The brief on a line that `str` made."""
        said: dict[str, Any] = json.loads(line)
        return cls(**said | {"hosts": tuple(said["hosts"])})

    @property
    def spoken(self) -> LogSettings:
        """How it speaks to the operator."""
        return LogSettings(level=self.log_level, format=self.log_format)

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
