"""Which clauses of a policy use which list: what somebody asks who found a name on one."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from gateway.policy.language.conditions import ListRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.policy.language.clauses import ExceptionDocument, LimitDocument, SpliceDocument
    from gateway.policy.language.conditions import Condition
    from gateway.policy.language.document import PolicyDocument


def list_users(document: PolicyDocument) -> dict[str, tuple[str, ...]]:
    """The clauses that use each list, by its name.

    They are named by their ids, or `groups.NAME`, `tls.inspect`, and `headers` for edits without an id.
    """
    found: dict[str, list[str]] = {name: [] for name in document.lists}
    for clause, names in _uses(document):
        for name in names:
            if clause not in (users := found.setdefault(name, [])):
                users.append(clause)
    return {name: tuple(users) for name, users in found.items()}


def _uses(document: PolicyDocument) -> Iterator[tuple[str, Iterable[str]]]:
    for rule in (*document.guardrails, *document.rules):
        yield rule.id, _named(rule.selection.conditions)
    clauses: chain[ExceptionDocument | LimitDocument | SpliceDocument] = chain(
        document.exceptions, document.limits, document.tls.splice
    )
    for clause in clauses:
        yield clause.id, _named(clause.selection.conditions)
    for edit in document.headers:
        yield edit.id or "headers", _named(edit.selection.conditions)
    if not isinstance(document.tls.inspect, str):
        yield "tls.inspect", _named(document.tls.inspect)
    for name, group in document.groups.items():
        yield f"groups.{name}", (each.name for each in group.clients if isinstance(each, ListRef))


def _named(conditions: Iterable[Condition]) -> Iterator[str]:
    return (value.name for each in conditions for value in each.values if isinstance(value, ListRef))
