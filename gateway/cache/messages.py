"""The requests and answers that a cache is asked about, as values. Times are seconds since the epoch."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from gateway.cache.dates import parse_date
from gateway.cache.directives import Directives
from gateway.cache.targeted import targeted
from gateway.policy.headers import Fields, RawField


@dataclass(frozen=True, slots=True)
class Asked:
    """A request in its canonical form: what was judged is what the cache looks up.

    `partition` sets requests apart whatever the origin says of Vary: none is given what another partition's produced.
    """

    method: str
    scheme: str
    authority: str
    target: str
    fields: Fields
    partition: str = ""

    @property
    def key(self) -> str:
        """What an answer is kept under (RFC 9111 section 2); the method is not part of it."""
        return f"{self.scheme}://{self.authority}{self.target}"

    @property
    def directives(self) -> Directives:
        """What the client says about caches; `Pragma: no-cache` counts where it says nothing (section 5.4)."""
        said = Directives.of(self.fields)
        if not said and any("no-cache" in value.lower() for value in self.fields.get_all("pragma")):
            return Directives({"no-cache": (None,)})
        return said


@dataclass(frozen=True)
class Answered:
    """The head of an answer, with the moments at which it was asked for and at which it came."""

    status: int
    raw: tuple[RawField, ...]
    asked_at: float
    came_at: float

    @cached_property
    def fields(self) -> Fields:
        """Its fields, names in lower case."""
        return Fields.of(self.raw)

    @cached_property
    def directives(self) -> Directives:
        """What the origin says about caches; what it says to those in front of it alone counts instead (RFC 9213)."""
        return self._targeted or Directives.of(self.fields)

    @property
    def is_targeted(self) -> bool:
        """Whether it speaks to caches like this one by a field of their own."""
        return bool(self._targeted)

    @cached_property
    def _targeted(self) -> Directives:
        return targeted(self.fields)

    def one(self, name: str) -> str | None:
        """The value of a field that stands once; None if it is not there or is there more than once."""
        values = self.fields.get_all(name)
        return values[0] if len(values) == 1 else None

    def date(self, name: str) -> int | None:
        """The moment that a field names, or None."""
        value = self.one(name)
        return None if value is None else parse_date(value, self.came_at)

    @property
    def generated_at(self) -> float:
        """When it says that it was made; when it came, if it does not say (RFC 9110 section 6.6.1)."""
        said = self.date("date")
        return self.came_at if said is None else said
