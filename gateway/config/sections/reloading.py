"""The section `reload`: when files are read again without being told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.settings import ReloadSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import optional, record
from gateway.policy.language.scalars import BOOLEAN, DURATION, choice

if TYPE_CHECKING:
    from gateway.config.settings import StartWith
    from gateway.policy.language.records import Values
    from gateway.policy.language.shapes import Read

_STOCK: Final = ReloadSettings()
_MOST: Final = 60.0


def _rest(seconds: float) -> float:
    if not 0 < seconds <= _MOST:
        raise Malformed("a file that has changed rests for up to a minute before it is read, like `1s`")
    return seconds


_WATCH: Final = optional("watch", BOOLEAN, "Whether files that have changed are read again.", _STOCK.watch)
_SETTLE: Final = optional("settle", DURATION.then(_rest), "How long a file is left alone first.", _STOCK.settle)

_STARTS: Final[tuple[StartWith, ...]] = ("strict", "last-good")
_START: Final = optional("start", choice(_STARTS), "What a start does with files that cannot be used.", _STOCK.start)


def _settings(values: Values) -> Read[ReloadSettings]:
    return ReloadSettings(watch=values[_WATCH], settle=values[_SETTLE], start=values[_START])


RELOAD: Final = record(
    (_WATCH, _SETTLE, _START),
    _settings,
    wanted="when files are read again, like `{watch: false}`",
)
