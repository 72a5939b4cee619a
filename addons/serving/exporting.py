"""The exporters of the audit log beside the engine: started once it listens, ended when the last record is written."""

from __future__ import annotations

import time
from contextlib import suppress
from typing import TYPE_CHECKING

from gateway.audit.export.cursors import FOLDER
from gateway.audit.export.exporters import Exporters
from gateway.audit.records.events import gap_record
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.audit.records.record import Record
    from gateway.config.settings import Settings


def exporters_of(settings: Settings, append: Callable[[Record], object], said: Callable[[str], None]) -> Exporters:
    """The exporters of a configuration. What they will never send is written down by `append`, too."""

    def missed(detail: str) -> None:
        with suppress(AuditUnavailable):  # it was said to the operator already
            append(gap_record(reason="not-exported", detail=detail, now=time.time()))

    state = settings.state
    return Exporters(settings.audit.exports, state / "audit", state / FOLDER, said=said, missed=missed)
