"""Conditions on what the request head says: `path`, `header.<name>` and `query.<name>`.

Each can be read in several ways or said several times, see `gateway.policy.matchers.sides`. A path is judged on its
decoded canonical form; a deny also looks at every other reading that a server behind might make of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.headers import field_name
from gateway.policy.language.patterns import Pattern
from gateway.policy.matchers.sides import Side, several
from gateway.policy.model import UNKNOWN, FactName, Missing

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.policy.kleene import Matcher, Truth
    from gateway.policy.language.conditions import Condition
    from gateway.policy.model import Fact, Facts
    from gateway.policy.paths import Target

type Texts = Callable[[Facts], Fact[tuple[str, ...]]]


def path_matcher(condition: Condition, side: Side) -> Matcher:
    """A condition on `path`."""
    forms = _readings if side is Side.RESTRAINS else _decoded
    return several(forms, _test(condition), side)


def value_matcher(condition: Condition, side: Side) -> Matcher:
    """A condition on `header.<name>` or `query.<name>`."""
    name = condition.argument or ""
    read = _field(name) if condition.name == FactName.HEADER else _parameter(name)
    if condition.operator == "present":
        return _present(read, wanted=bool(condition.values[0]))
    return several(read, _test(condition), side)


def _present(read: Texts, *, wanted: bool) -> Matcher:
    def matches(facts: Facts) -> Truth:
        values = read(facts)
        if isinstance(values, Missing):
            return None if values is UNKNOWN else not wanted
        return bool(values) is wanted

    return matches


def _field(name: str) -> Texts:
    wanted = field_name(name)
    return lambda facts: facts.headers if isinstance(facts.headers, Missing) else facts.headers.get_all(wanted)


def _parameter(name: str) -> Texts:
    def read(facts: Facts) -> Fact[tuple[str, ...]]:
        target = facts.target
        if isinstance(target, Missing):
            return target
        return tuple(value for key, value in target.parameters() if key == name) if target.query else ()

    return read


def _readings(facts: Facts) -> Fact[tuple[str, ...]]:
    target = facts.target
    return target if isinstance(target, Missing) else target.forms + target.aliases


def _decoded(facts: Facts) -> Fact[tuple[str, ...]]:
    """Every reading but the encoded spelling itself, which says nothing that its decoded form does not say."""
    target = facts.target
    if isinstance(target, Missing):
        return target
    return tuple(form for form in target.forms if not _is_encoded_spelling(form, target))


def _is_encoded_spelling(form: str, target: Target) -> bool:
    return "%" in form and form != target.forms[0] and form in (target.path, target.raw.partition("?")[0])


def _test(condition: Condition) -> Callable[[str], bool]:
    if condition.operator == "matches":
        patterns = [value for value in condition.values if isinstance(value, Pattern)]
        if len(patterns) == 1:
            return patterns[0].matches
        return lambda text: any(pattern.matches(text) for pattern in patterns)
    texts = tuple(str(value) for value in condition.values)
    return {"is": _equal, "prefix": _prefixed, "contains": _containing}[condition.operator](texts)


def _equal(texts: tuple[str, ...]) -> Callable[[str], bool]:
    return frozenset(texts).__contains__


def _prefixed(texts: tuple[str, ...]) -> Callable[[str], bool]:
    """Whole segments: `/admin` is a prefix of `/admin` and `/admin/x`, not of `/administrator`."""
    whole = frozenset(text.rstrip("/") or "/" for text in texts)
    starts = tuple(text.rstrip("/") + "/" for text in texts)
    return lambda path: path in whole or path.startswith(starts)


def _containing(texts: tuple[str, ...]) -> Callable[[str], bool]:
    return lambda text: any(part in text for part in texts)
