"""What a gateway was told, as a digest: two that were told the same have the same, with a file or without one.

Only what differs from the defaults counts, so a release that knows more keys gives the same digest for the same
configuration; where something stands in a file does not count. Settings name secrets and never hold them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from dataclasses import MISSING, Field, fields, is_dataclass
from enum import Enum
from hashlib import sha256
from re import Pattern
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gateway.config.settings import Settings


def digest_of(settings: Settings) -> str:
    """The digest of the settings in force: `sha256:` and 64 hexadecimal digits."""
    return f"sha256:{sha256(text_of(settings).encode()).hexdigest()}"


def text_of(settings: object) -> str:
    """What the digest is over: one line of JSON."""
    return json.dumps(_plain(settings), separators=(",", ":"), ensure_ascii=True)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str() if not isinstance(value, Enum):
            return value
        case Enum():
            return value.value
        case Mapping():
            return {"": [[_plain(key), _plain(each)] for key, each in sorted(value.items(), key=_in_order)]}
        case AbstractSet():
            return sorted(map(_plain, value), key=json.dumps)
        case tuple() | list():
            return [_plain(each) for each in value]
        case bytes():
            return value.hex()
        case Pattern():
            return value.pattern
        case _ if is_dataclass(value):
            return _parts(value)
        case _:
            return str(value)


def _parts(value: Any) -> Any:
    told = {each.name: getattr(value, each.name) for each in fields(value) if each.compare}
    defaults = {each.name: _default(each) for each in fields(value)}
    return [type(value).__name__, {name: _plain(each) for name, each in told.items() if each != defaults[name]}]


def _default(field: Field[Any]) -> Any:
    return field.default if field.default_factory is MISSING else field.default_factory()


def _in_order(pair: tuple[object, object]) -> str:
    return json.dumps(_plain(pair[0]))
