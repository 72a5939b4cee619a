"""Who else gets what is in the audit log: exporters, started once the engine listens; anchors of its checkpoints.

Exporters end when the last record is written. A request meets neither.
"""

from __future__ import annotations

import os
import socket
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.audit.export.cursors import FOLDER
from gateway.audit.export.exporters import Exporters
from gateway.audit.export.rules import Anchorage
from gateway.audit.proof.anchors import FileAnchor
from gateway.audit.records.events import gap_record
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from gateway.audit.proof.anchors import Anchor
    from gateway.audit.records.record import Record
    from gateway.config.settings import ProofSettings, Settings


def exporters_of(settings: Settings, append: Callable[[Record], object], said: Callable[[str], None]) -> Exporters:
    """The exporters of a configuration. What they will never send is written down by `append`, too."""

    def missed(detail: str) -> None:
        with suppress(AuditUnavailable):  # it was said to the operator already
            append(gap_record(reason="not-exported", detail=detail, now=time.time()))

    state = settings.state
    return Exporters(settings.audit.exports, state / "audit", state / FOLDER, said=said, missed=missed)


def anchors_of(proof: ProofSettings) -> list[Anchor]:
    """Who keeps the checkpoints of the log, none of them started."""
    return [_anchor(each) for each in proof.anchors]


def _anchor(at: Path | Anchorage) -> Anchor:
    if not isinstance(at, Anchorage):
        return FileAnchor(at)
    from gateway.audit.export.anchors import RemoteAnchor  # noqa: PLC0415 - only for whom there is one

    return RemoteAnchor(at=at, host=socket.gethostname(), environ=os.environ, clock=time.time)
