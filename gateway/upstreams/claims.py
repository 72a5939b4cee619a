"""What a route claims of the requests: a host, a path, a method, fields; and which of two claims is the more specific.

A host that is named comes before the longest name that it lies under, and that before any host; then an exact path
before the longest beginning of whole segments; then a method before any; then the claim with more conditions on fields.
Two claims of the same rank that one request could meet both are one too many, because nothing but the order of the
file would be left to choose by.

Source: the precedence of rules in the Gateway API of Kubernetes (HTTPRoute), without its tie-breaks by age and name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import product
from math import prod
from typing import TYPE_CHECKING, Final, Literal
from urllib.parse import quote

from gateway.policy.errors import Malformed, quoted
from gateway.policy.paths import REVERSE_RULES, Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from gateway.policy.headers import FieldName, Fields
    from gateway.policy.names import Host

type FieldOperator = Literal["present", "absent", "is", "prefix"]
type Rank = tuple[int, int, bool, int, bool, int]

_MOST_CASES: Final = 5_000
"""Combinations of fields that are tried to find out whether a claim is ever reached; beyond it counts as reached."""
_SECRET: Final = re.compile(r"auth|cookie|key|passw|secret|session|token")
"""Names of fields whose values are shown to nobody."""
_ANY_PATH_CHARACTER: Final = "/%~!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True)
class FieldCondition:
    """A condition on one field. A field that stands in a request twice has no one value: it is `present`, no more."""

    name: FieldName
    operator: FieldOperator = "present"
    values: tuple[str, ...] = ()

    def holds(self, said: tuple[str, ...]) -> bool:
        """Whether the values that a request has for the field meet the condition."""
        match self.operator:
            case "present":
                return bool(said)
            case "absent":
                return not said
            case "is":
                return len(said) == 1 and said[0] in self.values
            case "prefix":
                return len(said) == 1 and said[0].startswith(self.values)

    def excludes(self, other: FieldCondition) -> bool:
        """Whether no request can meet both; conditions on different fields exclude nothing."""
        if self.name == other.name and self.operator == other.operator == "is":
            return set(self.values).isdisjoint(other.values)
        return self.name == other.name and not any(
            self.holds(case) and other.holds(case) for case in cases(self, other)
        )

    def __str__(self) -> str:
        values = "***" if self.values and _SECRET.search(self.name) else ", ".join(self.values)
        return f"{self.name} {self.operator} {values}".rstrip()


def cases(*conditions: FieldCondition) -> list[tuple[str, ...]]:
    """Values of one field between which these conditions can tell, one of each kind."""
    texts = {text: None for condition in conditions for value in condition.values for text in (value, f"{value}\x00")}
    return [(), ("\x00",), ("\x00", "\x00"), *((text,) for text in texts)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What one line of a route's matching comes down to.

    `host` is None for any; `under` counts the names below it too. `path` is canonical; unless it is `exact`, all that
    lies below it counts too. `method` is None for any. `fields` are in the order of their names.
    """

    host: Host | None = None
    under: bool = False
    path: str = "/"
    exact: bool = False
    method: str | None = None
    fields: tuple[FieldCondition, ...] = ()

    def holds(self, fields: Fields) -> bool:
        """Whether the fields of a request meet every condition."""
        return all(condition.holds(fields.get_all(condition.name)) for condition in self.fields)

    def matches(self, host: Host, path: str, method: str, fields: Fields) -> bool:
        """Whether the claim is on this request, more specific ones aside."""
        return (
            (self.host is None or (host.is_under(self.host) if self.under else host == self.host))
            and (path == self.path if self.exact else _lies_below(path, self.path))
            and self.method in {None, method}
            and self.holds(fields)
        )

    @property
    def rank(self) -> Rank:
        """How specific the claim is; the greatest wins."""
        kind = 0 if self.host is None else 1 if self.under else 2
        labels = 0 if self.host is None else self.host.text.count(".")
        return (
            kind,
            labels if kind == 1 else 0,
            self.exact,
            _depth(self.path),
            self.method is not None,
            len(self.fields),
        )

    @property
    def order(self) -> tuple[object, ...]:
        """Sorts claims for people: the more specific first, then by name."""
        kind, labels, exact, depth, method, fields = self.rank
        host = "" if self.host is None else self.host.text
        return (-kind, -labels, host, not exact, -depth, self.path, not method, self.method or "", -fields, str(self))

    @property
    def key(self) -> tuple[object, ...]:
        """What two claims have in common that may be one too many."""
        host = None if self.host is None else self.host.text
        return (host, self.under, self.path, self.exact, self.method, len(self.fields))

    def meets(self, other: Claim) -> bool:
        """Whether there is a request on which both claims are, given that they have the same `key`."""
        return not any(mine.excludes(theirs) for mine in self.fields for theirs in other.fields)

    def is_covered_by(self, others: Iterable[Claim]) -> bool:
        """Whether every request of this claim is claimed by others that are more specific.

        Only claims on the same hosts, path and method can do that: a longer path leaves the shorter one, a method
        leaves the others, a host those that are not named.
        """
        mine = self.key[:-1]
        rivals = [each for each in others if each.key[:-1] == mine and len(each.fields) > len(self.fields)]
        return bool(rivals) and _covered(self, rivals)

    def __str__(self) -> str:
        host = "any host" if self.host is None else f"host {'under' if self.under else 'is'} {self.host}"
        parts = [host, f"path {'is' if self.exact else 'below'} {self.path}"]
        parts += [] if self.method is None else [f"method {self.method}"]
        return ", ".join([*parts, *(f"field {condition}" for condition in self.fields)])


def canonical_path(text: str, *, exact: bool = False) -> str:
    """A path of the configuration in the form in which requests are judged; characters may stand for themselves.

    The beginning of paths loses a slash at its end. Raises Malformed.
    """
    target = Target.parse(quote(text, safe=_ANY_PATH_CHARACTER), REVERSE_RULES)
    if target.path == "*" or target.query is not None:
        raise Malformed(f"path {quoted(text)}: a path begins with `/` and has no query")
    return target.path if exact else target.path.rstrip("/") or "/"


def _covered(claim: Claim, rivals: list[Claim]) -> bool:
    by_name: dict[FieldName, list[FieldCondition]] = {}
    for condition in (condition for each in (claim, *rivals) for condition in each.fields):
        by_name.setdefault(condition.name, []).append(condition)
    kinds = {name: cases(*conditions) for name, conditions in by_name.items()}
    if prod(map(len, kinds.values())) > _MOST_CASES:
        return False
    for said in product(*kinds.values()):
        request = dict(zip(kinds, said, strict=True))
        if _meets(claim, request) and not any(_meets(rival, request) for rival in rivals):
            return False
    return True


def _meets(claim: Claim, request: dict[FieldName, tuple[str, ...]]) -> bool:
    return all(condition.holds(request[condition.name]) for condition in claim.fields)


def _lies_below(path: str, beginning: str) -> bool:
    return beginning in ("/", path) or path.startswith(f"{beginning}/")


def _depth(path: str) -> int:
    return len(path.rstrip("/").split("/")) - 1
