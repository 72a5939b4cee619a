"""From a selection to a clause: its readings, the facts it looks at, its hosts, and the lists that may have matched."""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.compiled import Clause
from gateway.policy.findings import name_finder, network_finder
from gateway.policy.hostindex import HostNames
from gateway.policy.language.conditions import ListRef
from gateway.policy.matchers.selections import Reading, selection_matcher
from gateway.policy.matchers.sides import Side
from gateway.policy.model import OPEN_FACTS, SIZE_FACTS, FactName
from gateway.policy.names import Host

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.compiled import Finder
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Block, Condition, Selection
    from gateway.policy.matchers.context import Context


def restraining_clause(selection: Selection, context: Context) -> Clause:
    """The clause of a deny, a guardrail, a limit or an edit of fields."""
    return _clause(selection, context, Side.RESTRAINS, Reading.GROWING)


def lifting_clause(selection: Selection, context: Context) -> Clause:
    """The clause of an exception."""
    return _clause(selection, context, Side.GRANTS, Reading.GROWING)


def granting_clause(selection: Selection, context: Context) -> Clause:
    """The clause of an allow."""
    return _clause(selection, context, Side.GRANTS, Reading.GRANTED)


def facts_of(selection: Selection, context: Context) -> frozenset[FactName]:
    """The facts that a selection looks at; for `group`, those by which the policy itself tells who is in it too."""
    return frozenset(fact for condition in selection.conditions for fact in _facts(condition, context))


def hosts_of(selection: Selection) -> HostNames | None:
    """The hosts outside of which a selection never holds, as far as it names them."""
    named = _named(selection.when or ())
    if named is not None or not selection.any:
        return named
    blocks = [_named(block) for block in selection.any]
    known = [block for block in blocks if block is not None]
    if len(known) < len(blocks):
        return None
    return HostNames(
        frozenset(name for block in known for name in block.exactly),
        frozenset(name for block in known for name in block.under),
    )


def _clause(selection: Selection, context: Context, side: Side, streaming: Reading) -> Clause:
    facts = facts_of(selection, context)

    def reading(reading: Reading) -> Matcher:
        return selection_matcher(selection, context, side, reading)

    postponed = side is Side.RESTRAINS
    return Clause(
        match=reading(Reading.KNOWN),
        standing=reading(Reading.STANDING) if postponed and facts & OPEN_FACTS else None,
        answered=reading(Reading.ANSWERED) if postponed and facts & SIZE_FACTS else None,
        growing=reading(streaming) if facts & SIZE_FACTS else None,
        facts=facts,
        hosts=hosts_of(selection),
        finders=tuple(_finders(selection, context)),
    )


def _facts(condition: Condition, context: Context) -> Iterator[FactName]:
    fact = FactName(condition.name)
    yield fact
    if fact is FactName.GROUP:
        groups = [context.groups[str(name)] for name in condition.values if str(name) in context.groups]
        if any(group.users for group in groups):
            yield FactName.USER
        if any(group.clients for group in groups):
            yield FactName.CLIENT_IP


def _named(block: Block) -> HostNames | None:
    for condition in block:
        if condition.name == FactName.HOST and condition.operator in ("is", "under", "below"):
            names = frozenset(value for value in condition.values if isinstance(value, Host))
            return HostNames(exactly=names) if condition.operator == "is" else HostNames(under=names)
    return None


def _finders(selection: Selection, context: Context) -> Iterator[Finder]:
    for condition in (held for block in (selection.when or (), *selection.any) for held in block):
        if condition.operator == "in":
            for value in condition.values:
                if isinstance(value, ListRef):
                    content = context.lists[value.name]
                    named = condition.name in (FactName.HOST, FactName.TLS_SNI)
                    yield name_finder(condition, content) if named else network_finder(condition, content)
