"""Conditions: one fact, one operator, the values it is compared with. A block is a tuple of conditions that all hold.

Every value is canonical already, so that nobody who compares has to think about spelling again.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from gateway.policy.problems import Place

if TYPE_CHECKING:
    from gateway.policy.addresses import AddressClass, Network
    from gateway.policy.language.patterns import Pattern
    from gateway.policy.language.schedule import TimeWindow
    from gateway.policy.names import Host

NOWHERE = Place("", 0, 0)
"""The place of a value that no file holds."""


@dataclass(frozen=True, slots=True)
class ListRef:
    """`@name`: the entries of a list that the policy declares."""

    name: str
    place: Place = field(default=NOWHERE, compare=False)

    def __str__(self) -> str:
        return f"@{self.name}"


@dataclass(frozen=True, slots=True)
class Span:
    """Whole numbers from `first` to `last`, both included: ports, statuses."""

    first: int
    last: int

    def __contains__(self, number: int) -> bool:
        return self.first <= number <= self.last

    def __str__(self) -> str:
        return str(self.first) if self.first == self.last else f"{self.first}-{self.last}"


type Value = Network | AddressClass | ListRef | Host | Span | TimeWindow | Pattern | str | int | bool


@dataclass(frozen=True, slots=True)
class Condition:
    """`fact` `operator` any of `values`.

    Facts are spelt as in the policy (`client.ip`, `header.x-token`: field names in lower case). Operators and values:

    - `in`, `not_in` of `client.ip`, `destination.ip`: Network, AddressClass, ListRef
    - `is`, `under`, `below` of `host`, `tls.sni`: Host; `in`: ListRef
    - `in` of `port`, `response.status`: Span; of `tls.inspected`: bool; of `destination.asn`: int (also `not_in`)
    - `in` of `scheme`, `method`, `user`, `group`, `identity.method`, `response.type`, `protocol`, `tls.version`,
      `destination.country` (also `not_in`): text
    - `is`, `prefix` of `path`; `is`, `contains` of `header.*`, `query.*`: text; `matches` of all three: Pattern
    - `present` of `header.*`, `query.*`: one bool
    - `above`, `below` of sizes (bytes) and `response.status`: one int; `below` of `tls.version`: one text
    - `in` of `time`: one TimeWindow
    """

    fact: str
    operator: str
    values: tuple[Value, ...]
    place: Place = field(default=NOWHERE, compare=False)

    @property
    def name(self) -> str:
        """The fact without the field's own name: `header` for `header.x-token`."""
        return self.fact.partition(".")[0] if self.fact.startswith(("header.", "query.")) else self.fact

    @property
    def argument(self) -> str | None:
        """The field or parameter that a `header.*` or `query.*` condition looks at, None for every other fact."""
        return self.fact.partition(".")[2] if self.fact.startswith(("header.", "query.")) else None


type Block = tuple[Condition, ...]
"""Conditions that must all hold."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which requests something is about: those for which `when` holds, `not_` does not, and one of `any` does.

    None, or an empty `any`, says nothing about a request. `not_` as a whole must not hold: it is one block.
    """

    when: Block | None = None
    not_: Block | None = None
    any: tuple[Block, ...] = ()

    @property
    def conditions(self) -> tuple[Condition, ...]:
        """Every condition that takes part, whichever block it stands in."""
        blocks = (self.when or (), self.not_ or (), *self.any)
        return tuple(condition for block in blocks for condition in block)
