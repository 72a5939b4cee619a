"""Rows of the table of the cache: an answer comes, time passes, somebody asks again; see `cache/README.md`."""

from __future__ import annotations

from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from re import Match, sub
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.language.loader import load
from gateway.policy.language.nodes import Mapping, Scalar, Sequence

if TYPE_CHECKING:
    from gateway.policy.language.nodes import Node

FOLDER: Final = Path(__file__).parent / "cache"
WANTED: Final = frozenset({"hit", "stale", "meanwhile", "unchanged", "part", "no-part", "validated", "miss", "nothing"})


@dataclass(frozen=True, slots=True)
class Between:
    """A request between the two."""

    method: str
    target: str = "{target}"
    status: int = 200
    answer: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """One story; `wait` is in seconds, fields are lines of a head with dates to be written in."""

    id: str
    it: str
    by: str
    wait: float
    want: str
    first: tuple[str, ...] = ()
    answer: tuple[str, ...] = ()
    status: int = 200
    between: Between | None = None
    second: tuple[str, ...] = ()
    method: str = "GET"
    told: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    def fields(self, lines: tuple[str, ...], now: float, target: str = "", base: str = "") -> list[str]:
        """These lines, with everything written in that the row leaves open."""
        return [dated(line, now).replace("{target}", target).replace("{base}", base) for line in lines]

    @property
    def names(self) -> frozenset[str]:
        """The names of the answer's fields, in lower case."""
        return frozenset(line.partition(":")[0].lower() for line in self.answer)


def dated(line: str, now: float) -> str:
    """A line with its dates written in: `{now}`, `{now-60}`."""

    def date(found: Match[str]) -> str:
        return formatdate(now + int(found[1] or 0), usegmt=True)

    return sub(r"\{now([+-]\d+)?\}", date, line)


def rows() -> list[Row]:
    """The whole table."""
    found = []
    for path in sorted(FOLDER.glob("*.yaml")):
        told = _plain(load(path.read_text("utf-8"), path.name))
        assert set(told) == {"subject", "rows"}, path
        found += [_row(f"{path.stem}-{number}", dict(each)) for number, each in enumerate(told["rows"], 1)]
    return found


def _row(name: str, told: dict[str, Any]) -> Row:
    between = told.pop("between", None)
    row = Row(
        id=name,
        it=told.pop("it"),
        by=str(told.pop("by")),
        wait=float(told.pop("wait")),
        want=told.pop("want"),
        first=tuple(told.pop("first", ())),
        answer=tuple(told.pop("answer", ())),
        status=int(told.pop("status", 200)),
        between=None if between is None else _between(dict(between)),
        second=tuple(told.pop("second", ())),
        method=told.pop("method", "GET"),
    )
    assert not told, f"{name} says something that nobody looks at: {told}"
    assert row.want in WANTED, name
    return row


def _between(told: dict[str, Any]) -> Between:
    made = Between(
        method=told.pop("method"),
        target=told.pop("target", "{target}"),
        status=int(told.pop("status", 200)),
        answer=tuple(told.pop("answer", ())),
    )
    assert not told
    return made


def _plain(node: Node | None) -> Any:
    match node:
        case Mapping():
            return {entry.key: _plain(entry.value) for entry in node}
        case Sequence():
            return [_plain(each) for each in node.items]
        case Scalar():
            return node.text
    raise AssertionError(node)
