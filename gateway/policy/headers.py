"""Header fields as the policy sees them: checked names and values, patterns to strip, edits to make.

A field name is compared in lower case. For stripping, `_` and `.` count as `-`: CGI, WSGI and PHP servers cannot
tell `X-User` from `X_User` or `X.User`, so neither may an edit that guards them.

Sources: RFC 9110 5.1 (names), 5.5 (values), 5.3 (order), 7.6.1 (Connection).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from functools import lru_cache
from typing import TYPE_CHECKING, Final, NewType

from gateway.policy.errors import Malformed, quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

FieldName = NewType("FieldName", str)
"""A field name in lower case; made by `field_name`."""

type RawField = tuple[bytes, bytes]

_TOKEN: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_BAD_VALUE: Final = re.compile(r"[\x00-\x08\x0a-\x1f\x7f\ud800-\udfff]")
_PROBLEMS: Final = {
    "\r": "it holds a carriage return",
    "\n": "it holds a line feed",
    "\x00": "it holds a NUL",
}
_NAME_LENGTH: Final = 256
_REMEMBERED: Final = 1024
_ALIASES: Final = str.maketrans("_.", "--")
_BLANK: Final = " \t"


def field_name(text: str) -> FieldName:
    """The name in lower case. Raises Malformed for what is no token."""
    if len(text) > _NAME_LENGTH:
        raise Malformed(f"field name {quoted(text)}: it is longer than {_NAME_LENGTH} characters")
    return _field_name(text)


@lru_cache(maxsize=_REMEMBERED)
def _field_name(text: str) -> FieldName:
    if not _TOKEN.fullmatch(text):
        raise Malformed(f"field name {quoted(text)}: only letters, digits and !#$%&'*+-.^_|~ are allowed")
    return FieldName(text.lower())


def field_value_problem(value: bytes | str) -> str | None:
    """Why the value must not be sent on, or None. A folded line (obs-fold) is a CR or LF like any other."""
    found = _BAD_VALUE.search(value.decode("latin-1") if isinstance(value, bytes) else value)
    if found is None:
        return None
    return _PROBLEMS.get(found[0], "it holds a control character")


HOP_BY_HOP: Final = frozenset(
    map(
        field_name,
        (
            "Connection",
            "Keep-Alive",
            "Proxy-Authenticate",
            "Proxy-Authorization",
            "Proxy-Connection",
            "TE",
            "Trailer",
            "Transfer-Encoding",
            "Upgrade",
        ),
    )
)
"""Fields that concern one connection and are never forwarded (RFC 9110 7.6.1)."""

SINGLETONS: Final = frozenset(
    map(
        field_name,
        (
            "Age",
            "Authorization",
            "Content-Disposition",
            "Content-Length",
            "Content-Location",
            "Content-Range",
            "Content-Type",
            "Date",
            "ETag",
            "Expires",
            "From",
            "Host",
            "If-Modified-Since",
            "If-Range",
            "If-Unmodified-Since",
            "Last-Modified",
            "Location",
            "Max-Forwards",
            "Origin",
            "Proxy-Authorization",
            "Range",
            "Referer",
            "Retry-After",
            "Sec-WebSocket-Accept",
            "Sec-WebSocket-Key",
            "Server",
            "User-Agent",
        ),
    )
)
"""Fields that may stand in a message only once: two of them are two truths."""

_CONNECTION: Final = FieldName("connection")


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one message in their order, names in lower case; made by `Fields.of`."""

    items: tuple[tuple[FieldName, str], ...]

    @classmethod
    def of(cls, fields: Iterable[tuple[bytes | str, bytes | str]]) -> Fields:
        """Check and read fields. A value in bytes is UTF-8 if it can be, else Latin-1; blanks around it are dropped.

        Raises Malformed for bad names and for control characters in values, which it never shows.
        """
        return cls(tuple([(field_name(_text(name)), _value(name, value)) for name, value in fields]))

    def get_all(self, name: str) -> tuple[str, ...]:
        """Every value of the field, in order; the name in lower case."""
        return tuple([value for held, value in self.items if held == name])

    def repeated(self) -> tuple[FieldName, ...]:
        """The names out of SINGLETONS that occur more than once."""
        names = [name for name, _ in self.items if name in SINGLETONS]
        if len(set(names)) == len(names):
            return ()
        return tuple(dict.fromkeys(name for name in names if names.count(name) > 1))

    def __contains__(self, name: object) -> bool:
        return any(held == name for held, _ in self.items)

    def __iter__(self) -> Iterator[tuple[FieldName, str]]:
        return iter(self.items)

    def __len__(self) -> int:
        return len(self.items)


def _text(name: bytes | str) -> str:
    return name.decode("latin-1") if isinstance(name, bytes) else name


def _value(name: bytes | str, value: bytes | str) -> str:
    text = value if isinstance(value, str) else _decoded(value)
    if _BAD_VALUE.search(text):
        raise Malformed(f"field {quoted(_text(name))}: {field_value_problem(text)}")
    return text.strip(_BLANK)


def _decoded(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError:
        return value.decode("latin-1")


def connection_named(fields: Fields) -> frozenset[FieldName]:
    """The names that `Connection` nominates as hop-by-hop, its options (`close`) included. Raises Malformed."""
    options = (option.strip(_BLANK) for value in fields.get_all(_CONNECTION) for option in value.split(","))
    return frozenset(field_name(option) for option in options if option)


@dataclass(frozen=True, slots=True)
class FieldPattern:
    """A field name, or with `prefix` all names that begin so; `text` is in lower case, `_` and `.` as `-`."""

    text: str
    prefix: bool = False

    @classmethod
    def parse(cls, text: str) -> FieldPattern:
        """Read `X-Token` or `X-Internal-*`. Raises Malformed; a lone `*` would strip every field."""
        prefix = text.endswith("*")
        name = text.removesuffix("*")
        if "*" in name or not name:
            raise Malformed(f"field pattern {quoted(text)}: `*` stands only at the end, after the start of a name")
        return cls(_folded(field_name(name)), prefix)

    def matches(self, name: str) -> bool:
        """Whether a server behind could take this field for one that the pattern names."""
        folded = _folded(name)
        return folded.startswith(self.text) if self.prefix else folded == self.text

    def __str__(self) -> str:
        return f"{self.text}*" if self.prefix else self.text


@lru_cache(maxsize=_REMEMBERED)
def _folded(name: str | bytes) -> str:
    return _text(name).lower().translate(_ALIASES)


@dataclass(frozen=True, slots=True)
class HeaderEdit:
    """Fields to remove, then to set (replacing all of that name), then to add; names keep the case they have here."""

    remove: tuple[FieldPattern, ...] = ()
    set: tuple[tuple[str, str], ...] = ()
    add: tuple[tuple[str, str], ...] = ()
    _exact: frozenset[str] = field(init=False, repr=False, compare=False)
    _prefixes: tuple[str, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        for name, value in (*self.set, *self.add):
            field_name(name)
            if problem := field_value_problem(value):
                raise Malformed(f"field {quoted(name)}: {problem}")
        names = [_folded(name) for name, _ in self.set]
        if twice := next((name for name in names if names.count(name) > 1), None):
            raise Malformed(f"field {quoted(twice)}: it is set twice, use `add` for a second value")
        exact = (pattern.text for pattern in self.remove if not pattern.prefix)
        prefixes = tuple(pattern.text for pattern in self.remove if pattern.prefix)
        object.__setattr__(self, "_exact", frozenset((*names, *exact)))
        object.__setattr__(self, "_prefixes", prefixes)

    def apply(self, fields: Iterable[RawField]) -> list[RawField]:
        """The fields after the edit; those that stay keep their order and their bytes."""
        kept = [held for held in fields if not self.drops(held[0])]
        kept += [(name.encode("ascii"), value.encode()) for name, value in (*self.set, *self.add)]
        return kept

    def drops(self, name: str | bytes) -> bool:
        """Whether fields of this name do not survive the edit: removed, or replaced by what is set."""
        folded = _folded(name)
        return folded in self._exact or folded.startswith(self._prefixes)

    def then(self, other: HeaderEdit) -> HeaderEdit:
        """One edit that does what this one and then the other one would do, name by name."""
        kept_set, kept_add = (tuple(held for held in part if not other.drops(held[0])) for part in (self.set, self.add))
        return HeaderEdit(
            remove=tuple(dict.fromkeys((*self.remove, *other.remove))),
            set=(*kept_set, *other.set),
            add=(*kept_add, *other.add),
        )
