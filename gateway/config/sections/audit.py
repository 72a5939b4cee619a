"""The section `audit`: how decisions are written down."""

from __future__ import annotations

from typing import Final

from gateway.config.sections.common import not_yet, only
from gateway.config.settings import AuditSettings
from gateway.policy.language.records import optional, record

_DURABILITY: Final = optional(
    "durability", only("batched", "sync", "relaxed"), "When records reach the disk.", "batched"
)
_ON_FAILURE: Final = optional("on_failure", only("closed", "open", "deny_only"), "When they cannot.", "closed")
AUDIT: Final = record(
    (_DURABILITY, _ON_FAILURE),
    lambda _: AuditSettings(),
    wanted="the audit log, like `{durability: batched}`",
    also=not_yet("rotate", "retain", "export"),
)
