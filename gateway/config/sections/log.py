"""The section `log`: what the gateway tells its operator on the standard error stream, and in which form."""

from __future__ import annotations

from typing import Final

from gateway.config.settings import LogFormat, LogLevel, LogSettings
from gateway.policy.language.records import Key, Values, optional, record
from gateway.policy.language.scalars import choice

LEVELS: Final[tuple[LogLevel, ...]] = ("warning", "info", "debug")
FORMATS: Final[tuple[LogFormat, ...]] = ("text", "json")

_STOCK: Final = LogSettings()
_LEVEL: Final[Key[LogLevel]] = optional("level", choice(LEVELS), "From where on messages are shown.", _STOCK.level)
_FORMAT: Final[Key[LogFormat]] = optional("format", choice(FORMATS), "For people or for programs.", _STOCK.format)


def _settings(values: Values) -> LogSettings:
    return LogSettings(level=values[_LEVEL], format=values[_FORMAT])


LOG: Final = record((_LEVEL, _FORMAT), _settings, wanted="`{level: warning, format: json}`")
