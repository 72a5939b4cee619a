"""The audit log as the configuration asks for it: who writes it, how durable, and who proves it.

Nothing of the engine is needed for that, so that a process that only owns the log stays small.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from addons.serving.exporting import anchors_of
from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.writing.writer import AuditWriter, WriterOptions

if TYPE_CHECKING:
    from gateway.audit.writing.witness import Witness
    from gateway.config.settings import AuditSettings, ProofSettings, Settings


def log_of(settings: Settings) -> AuditWriter:
    """The log of the state folder, not opened yet."""
    return AuditWriter(settings.state / "audit", options_of(settings.audit), witness=_witness(settings.proof))


def options_of(audit: AuditSettings) -> WriterOptions:
    """What whoever writes has to know."""
    return WriterOptions(
        durability=audit.durability,
        on_failure=audit.on_failure,
        reserve=audit.reserve,
        segment_size=audit.segment_size,
        segment_age=audit.segment_age,
        retain=audit.retain,
        compress=audit.compress,
    )


def _witness(proof: ProofSettings) -> Witness | None:
    """Who proves the log, if that is wanted."""
    if not proof.enabled:
        return None
    return Notary(NotaryOptions(heartbeat=proof.heartbeat), anchors=anchors_of(proof))
