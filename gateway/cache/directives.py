"""Cache-Control as values (RFC 9111 section 5.2): read once, and on the safe side where it contradicts itself.

A directive that stands twice with two values counts with the smaller one; a number that cannot be read counts as 0; a
number too large to be meant counts as the largest (section 1.2.2).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.policy.headers import Fields

MOST: Final = 2**31
"""Seconds that count as for ever (section 1.2.2)."""

_DIRECTIVE: Final = re.compile(
    r'[\s,]*(?P<name>[!#$%&\'*+.^_`|~0-9A-Za-z-]+)(?:=(?:"(?P<quoted>(?:[^"\\]|\\.)*)"|(?P<token>[^\s,"]*)))?[^,]*'
)
_ESCAPED: Final = re.compile(r"\\(.)")
_LARGEST: Final = len(str(MOST))


@dataclass(frozen=True, slots=True)
class Directives:
    """The directives of one message by their names in lower case, each with every argument that it came with."""

    said: dict[str, tuple[str | None, ...]]

    @classmethod
    def of(cls, fields: Fields) -> Directives:
        """What the message says; without Cache-Control, `Pragma: no-cache` of a request counts as it (section 5.4)."""
        said: dict[str, list[str | None]] = {}
        for name, argument in _read(fields.get_all("cache-control")):
            said.setdefault(name, []).append(argument)
        return cls({name: tuple(arguments) for name, arguments in said.items()})

    def __contains__(self, name: object) -> bool:
        return name in self.said

    def __bool__(self) -> bool:
        return bool(self.said)

    def seconds(self, name: str) -> int | None:
        """The number of a directive; None if it is not there or, as `max-stale` may be, without a number."""
        arguments = self.said.get(name)
        if arguments is None or arguments == (None,):
            return None if name == "max-stale" or arguments is None else 0
        return min(_seconds(argument) for argument in arguments)

    def names(self, name: str) -> frozenset[str] | None:
        """The field names that `no-cache` or `private` is limited to, in lower case; None if it is for the whole."""
        arguments = self.said.get(name, ())
        if not arguments or any(not argument for argument in arguments):
            return None
        return frozenset(each.strip().lower() for argument in arguments for each in (argument or "").split(","))


def _read(lines: Iterable[str]) -> Iterator[tuple[str, str | None]]:
    for line in lines:
        for found in _DIRECTIVE.finditer(line):
            quoted = found["quoted"]
            yield found["name"].lower(), found["token"] if quoted is None else _ESCAPED.sub(r"\1", quoted)


def _seconds(argument: str | None) -> int:
    if argument is None or not (argument.isascii() and argument.isdigit()):
        return 0
    return MOST if len(argument.lstrip("0")) > _LARGEST else min(int(argument), MOST)
