"""The names that a policy declares, gathered before the policy is read.

So a reference is checked where it stands, with its place, and a list or rule that is itself broken still counts as
declared: nobody is told that `@ads` is unknown because the definition of `ads` has a misspelt key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.errors import quoted
from gateway.policy.language.nodes import Mapping, Node, Scalar, Sequence
from gateway.policy.problems import Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

    from gateway.policy.language.shapes import Declared

LIST: Final = "list"
GROUP: Final = "group"
CLAUSE: Final = "clause"
"""Everything with an id; the word on it is `deny` or `allow` for a rule, else what kind of clause it is."""

_ACTIONS: Final = frozenset({"allow", "deny"})
_TYPES: Final = frozenset({"domain", "network", "database"})
_WITH_IDS: Final = {"guardrails": "guardrail", "rules": "rule", "exceptions": "exception", "limits": "limit"}


def declared_names(policy: Node) -> tuple[Declared, list[Problem]]:
    """What `policy` declares, and the ids that are taken twice."""
    clauses: dict[str, str] = {}
    first: dict[str, Scalar] = {}
    problems = []
    for path, kind, clause in _clauses(policy):
        name = clause.get("id")
        if not isinstance(name, Scalar) or not name.text:
            continue
        if name.text in first:
            line = first[name.text].place.line
            sentence = f"the id {quoted(name.text)} is taken, it stands in line {line} already: choose another"
            problems.append(Problem(name.place, f"{path}.id", sentence))
            continue
        first[name.text] = name
        clauses[name.text] = _word(clause, "action", _ACTIONS) if kind == "rule" else kind
    return {LIST: _lists(policy), GROUP: _keys(policy, "groups"), CLAUSE: clauses}, problems


def _clauses(policy: Node) -> Iterator[tuple[str, str, Mapping]]:
    if not isinstance(policy, Mapping):
        return
    for section, kind in _WITH_IDS.items():
        yield from _items(policy.get(section), section, kind)
    tls = policy.get("tls")
    if isinstance(tls, Mapping):
        yield from _items(tls.get("splice"), "tls.splice", "splice")
    yield from _items(policy.get("headers"), "headers", "header edit")


def _items(section: Node | None, path: str, kind: str) -> Iterator[tuple[str, str, Mapping]]:
    if isinstance(section, Sequence):
        for index, item in enumerate(section.items):
            if isinstance(item, Mapping):
                yield f"{path}[{index}]", kind, item


def _lists(policy: Node) -> dict[str, str]:
    lists = policy.get("lists") if isinstance(policy, Mapping) else None
    if not isinstance(lists, Mapping):
        return {}
    return {entry.key: _word(entry.value, "type", _TYPES) for entry in lists}


def _keys(policy: Node, section: str) -> dict[str, str]:
    node = policy.get(section) if isinstance(policy, Mapping) else None
    return {entry.key: "" for entry in node} if isinstance(node, Mapping) else {}


def _word(node: Node, key: str, known: frozenset[str]) -> str:
    """The word under a key, or nothing if it is none of those that are known: its own reader complains about that."""
    word = node.get(key) if isinstance(node, Mapping) else None
    return word.text if isinstance(word, Scalar) and word.text in known else ""
