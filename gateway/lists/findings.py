"""What the readers of list files find: names, networks, lines that are wrong, lines that are something else."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.addresses import Version
    from gateway.policy.domains import Reach


@dataclass(frozen=True, slots=True)
class Names:
    """Canonical names, as bytes, that reach equally far; `exempt` ones are taken off the list."""

    reach: Reach
    names: Sequence[bytes]
    exempt: bool = False


@dataclass(frozen=True, slots=True)
class Prefixes:
    """Networks of one version and length, each by the number that its first `length` bits are."""

    version: Version
    length: int
    numbers: Sequence[int]


@dataclass(frozen=True, slots=True)
class Wrong:
    """A line that should be an entry and cannot be one; `why` is a sentence that shows the offending text."""

    why: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """A line that is well written and says something that a list of names cannot say."""

    what: str


@dataclass(frozen=True, slots=True)
class Unusable:
    """The whole file says something that makes the rest of it doubtful."""

    why: str


type Finding = Names | Prefixes | Wrong | Skipped | Unusable
