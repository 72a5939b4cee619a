"""What a condition may refer to beyond its own values: the lists and groups of its policy."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from gateway.policy.language.clauses import GroupDocument
    from gateway.policy.lists import ListContent


@dataclass(frozen=True, slots=True)
class Context:
    """The contents of the lists by name, and the groups that the policy declares."""

    lists: Mapping[str, ListContent] = field(default_factory=dict)
    groups: Mapping[str, GroupDocument] = field(default_factory=dict)
