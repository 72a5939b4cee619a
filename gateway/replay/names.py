"""Many names below one: taken together where enough were seen, and only below a name that has one owner."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from gateway.replay.suffixes import owned_parents

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True, order=True)
class Name:
    """`operator` is `is`, `under` (the name and all below it) or `below` (only what is below)."""

    operator: str
    text: str


def generalised(hosts: Iterable[str], enough: int) -> dict[str, Name]:
    """For every host the name that stands for it in a policy.

    The deepest name below which `enough` hosts were seen stands for all of them.
    """
    left = set(hosts)
    below: defaultdict[str, set[str]] = defaultdict(set)
    for host in left:
        for parent in owned_parents(host):
            below[parent].add(host)
    found: dict[str, Name] = {}
    for parent in sorted(below, key=lambda name: (-name.count("."), name)):
        members = below[parent] & left
        if len(members) >= enough:
            name = Name("under" if parent in left else "below", parent)
            covered = members | ({parent} & left)
            found |= dict.fromkeys(covered, name)
            left -= covered
    return found | {host: Name("is", host) for host in left}
