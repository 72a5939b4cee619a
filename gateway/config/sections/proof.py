"""The section `proof`: how it can be shown later that the audit log is what was written."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.config.sections.common import not_yet
from gateway.config.settings import ProofSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, DURATION, text
from gateway.policy.language.shapes import sequence

if TYPE_CHECKING:
    from gateway.policy.language.records import Values
    from gateway.policy.language.shapes import Read

_STOCK: Final = ProofSettings()
_LEAST: Final = 1.0


def _pause(seconds: float) -> float:
    if seconds < _LEAST:
        raise Malformed("a sign of life comes at most once a second, write at least `1s`")
    return seconds


_FILE: Final = required("file", text("the path of a file"), "A file, best on another machine's disk.")
_ANCHOR: Final = record(
    (_FILE,),
    lambda values: Path(values[_FILE]),
    wanted="an anchor, like `{file: /mnt/elsewhere/wicketgate.anchor}`",
    also=not_yet("syslog", "webhook"),
)
_ENABLED: Final = optional("enabled", BOOLEAN, "Whether the log is proved.", _STOCK.enabled)
_HEARTBEAT: Final = optional("heartbeat", DURATION.then(_pause), "Silence before a sign of life.", _STOCK.heartbeat)
_ANCHORS: Final[Key[tuple[Path, ...]]] = optional(
    "anchors", sequence(_ANCHOR, "[{file: /mnt/elsewhere/wicketgate.anchor}]"), "Who else keeps checkpoints.", ()
)


def _settings(values: Values) -> Read[ProofSettings]:
    return ProofSettings(enabled=values[_ENABLED], heartbeat=values[_HEARTBEAT], anchors=tuple(values[_ANCHORS]))


PROOF: Final = record(
    (_ENABLED, _HEARTBEAT, _ANCHORS),
    _settings,
    wanted="how the log is proved, like `{heartbeat: 5min, anchors: [{file: /mnt/elsewhere/wicketgate.anchor}]}`",
)


def anchored_from(base: Path, settings: ProofSettings) -> ProofSettings:
    """The same settings; relative paths in them start at `base`."""
    return replace(settings, anchors=tuple(base / each for each in settings.anchors))
