"""Reading small pieces of YAML in tests, as the readers of files do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.policy.language.document import PolicyDocument, read_policy
from gateway.policy.language.loader import load
from gateway.policy.language.nodes import Mapping, Node, Scalar, Sequence, Unreadable
from gateway.policy.language.shapes import WRONG, Read, Shape, Spot
from gateway.policy.problems import Invalid, Problem

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Declared

FILE = "p.yaml"
HEAD = "version: 1\ndefault: {action: allow}\n"


def read[T](shape: Shape[T], yaml: str, declared: Declared | None = None) -> tuple[Read[T], list[Problem]]:
    """What a shape makes of a text, and what it says about it."""
    node = load(yaml, FILE)
    problems: list[Problem] = []
    return shape.read(node, Spot(node.place, "", problems, declared or {})), problems


def value[T](shape: Shape[T], yaml: str, declared: Declared | None = None) -> T:
    """The value that a shape reads; it must have nothing to say."""
    result, problems = read(shape, yaml, declared)
    assert problems == []
    assert result is not WRONG
    return result


def complaints[T](shape: Shape[T], yaml: str, declared: Declared | None = None) -> list[str]:
    """The sentences of a shape about a text that it must not make anything of."""
    result, problems = read(shape, yaml, declared)
    assert result is WRONG
    return [f"{problem.path}: {problem.message}" if problem.path else problem.message for problem in problems]


def policy(yaml: str) -> PolicyDocument:
    """A policy that says `yaml` and otherwise only what every policy must."""
    return read_policy(HEAD + yaml, FILE)


def objections(yaml: str) -> list[str]:
    """What is wrong with a policy that says `yaml`, as `path: message`, in the order of the file."""
    try:
        policy(yaml)
    except Invalid as invalid:
        return [f"{problem.path}: {problem.message}" for problem in invalid.problems]
    return []


def plain(node: Node) -> Any:
    """A value without its places: what JSON would hold."""
    match node:
        case Mapping():
            return {entry.key: plain(entry.value) for entry in node}
        case Sequence():
            return [plain(item) for item in node.items]
        case Scalar():
            return node.value
        case Unreadable():
            raise AssertionError(node)
