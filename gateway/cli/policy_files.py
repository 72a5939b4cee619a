"""From the path of a policy to what can be asked: read, with its lists, compiled for one way of facing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from gateway.policy.compile import compile_policy
from gateway.policy.language.document import expired, read_policy
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.compiled import CompiledPolicy
    from gateway.policy.language.document import PolicyDocument
    from gateway.policy.lists import ListContent
    from gateway.policy.model import Mode


@dataclass(frozen=True, slots=True)
class PolicyFile:
    """A policy that can be enforced. `notices` are what its author should know all the same."""

    document: PolicyDocument
    lists: dict[str, ListContent]
    compiled: CompiledPolicy
    notices: tuple[Problem, ...]


def read_source(path: Path) -> bytes:
    """The bytes of a file; raises Invalid where it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or "it is out of reach").lower()
        raise Invalid([Problem(Place(str(path), 1, 1), "", f"the file cannot be read: {reason}")]) from None


def open_policy(path: Path, mode: Mode, now: float) -> PolicyFile:
    """Read and compile the policy at `path`; raises Invalid with every problem. `now` is in seconds since the epoch."""
    document = read_policy(read_source(path), str(path))
    lists, notices = _lists_of(document, path, now)
    compiled = compile_policy(document, lists, mode=mode)
    today = datetime.fromtimestamp(now, UTC).date()
    return PolicyFile(document, lists, compiled, (*notices, *expired(document, today)))


def _lists_of(document: PolicyDocument, path: Path, now: float) -> tuple[dict[str, ListContent], tuple[Problem, ...]]:
    """The contents of the lists of a policy, and what is odd about them; raises Invalid."""
    if not document.lists:
        return {}, ()
    from gateway.lists.load import load_lists

    loaded = load_lists(document.lists, path.parent, None, now)
    if loaded.problems:
        raise Invalid(loaded.problems)
    return loaded.contents, tuple(loaded.notices)


def cases_beside(path: Path) -> Path:
    """`corporate.cases.yaml` for `corporate.yaml`, whether it is there or not; a file of cases is its own."""
    return path if path.stem.endswith(".cases") else path.with_name(f"{path.stem}.cases{path.suffix}")
