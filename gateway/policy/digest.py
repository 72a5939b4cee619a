"""The digest of a policy: what it says and what its lists hold, whatever the order or layout of its file.

Two policies with one digest give the same decisions. Places, comments and the order of rules are no part of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from enum import Enum
from hashlib import sha256
from typing import TYPE_CHECKING

from gateway.policy.headers import HeaderEdit

if TYPE_CHECKING:
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.lists import ListContent


def policy_digest(document: PolicyDocument, lists: Mapping[str, ListContent]) -> str:
    """`sha256:` and 64 hexadecimal digits."""
    held = {name: content.digest for name, content in lists.items() if name in document.lists}
    return f"sha256:{sha256(f'{canonical(document)}\n{canonical(held)}'.encode()).hexdigest()}"


def canonical(value: object) -> str:
    """A text that is the same for values that say the same. Sequences count as sets, except for edits of fields."""
    if is_dataclass(value) and not isinstance(value, type):
        said = [(f.name, getattr(value, f.name)) for f in fields(value) if f.compare and f.name != "digest"]
        ordered = isinstance(value, HeaderEdit)
        inside = ",".join(f"{name}={repr(held) if ordered else canonical(held)}" for name, held in said)
        return f"{type(value).__name__}({inside})"
    if isinstance(value, Mapping):
        return "{" + ",".join(sorted(f"{key!r}:{canonical(held)}" for key, held in value.items())) + "}"
    if isinstance(value, tuple | frozenset):
        return "[" + ",".join(sorted(map(canonical, value))) + "]"
    return repr(value.value) if isinstance(value, Enum) else repr(value)
