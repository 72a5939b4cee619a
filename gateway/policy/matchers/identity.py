"""Conditions on who is asking: `group`.

Somebody is in a group if the identity provider says so, or if the policy lists the user or the client's network. One
of the listed groups is enough on either side; what differs by side is only how a client's several addresses count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from gateway.policy.kleene import disjunction
from gateway.policy.matchers.address import client_views, membership
from gateway.policy.matchers.sides import Side, several, single

if TYPE_CHECKING:
    from gateway.policy.kleene import Matcher
    from gateway.policy.language.conditions import Condition
    from gateway.policy.matchers.context import Context


def group_matcher(condition: Condition, context: Context, side: Side) -> Matcher:
    """A condition on `group`."""
    names = frozenset(str(value) for value in condition.values)
    declared = [context.groups[name] for name in sorted(names) if name in context.groups]
    parts: list[Matcher] = [single(lambda facts: facts.groups, lambda groups: not names.isdisjoint(groups))]
    users = frozenset(user for group in declared for user in group.users)
    if users:
        parts.append(single(lambda facts: facts.user, users.__contains__))
    clients = tuple(client for group in declared for client in group.clients)
    if clients:
        parts.append(several(client_views, membership(clients, context), side))
    return disjunction(parts)
