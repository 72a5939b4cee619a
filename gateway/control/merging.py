"""What several workers answer to one order, as one answer: a table of orders, each with how its answers are merged.

An order goes to every worker (`EVERYONE`) or, where all would say the same, to one (`ANYONE`). If one of them refuses,
the order is refused, and it is said by whom. Otherwise the values of the answers are merged key by key.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.control.channel import Outcome
from gateway.metrics.merging import merge
from gateway.metrics.snapshot import read

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    type Merge = Callable[[Sequence[Any]], Any]
    """One value of those that the workers gave, of which there is at least one."""


def first(values: Sequence[Any]) -> Any:
    """That of the worker with the lowest number."""
    return values[0]


def total(values: Sequence[Any]) -> Any:
    """All of them added up."""
    return sum(values)


def least(values: Sequence[Any]) -> Any:
    """The smallest of them."""
    return min(values)


def most(values: Sequence[Any]) -> Any:
    """The greatest of them."""
    return max(values)


def told(values: Sequence[Any]) -> Any:
    """What the first says that has something to say: only one of them fetches lists."""
    return next((each for each in values if each is not None), None)


def union(values: Sequence[Any]) -> Any:
    """Everything that is in one of the lists, once, in the order in which it comes."""
    found: list[Any] = []
    for each in values:
        found += [item for item in each if item not in found]
    return found


def everywhere(values: Sequence[Any]) -> Any:
    """Whether it is so at all of them."""
    return all(values)


def anywhere(values: Sequence[Any]) -> Any:
    """Whether it is so at one of them."""
    return any(values)


def common(values: Sequence[Any]) -> Any:
    """What is in all lists, in the order of the first."""
    return [item for item in values[0] if all(item in each for each in values[1:])]


def beside(values: Sequence[Any]) -> Any:
    """A list of what each said."""
    return list(values)


def rows(*names: str, **merges: Merge) -> Merge:
    """Of lists of objects: those with the same values under `names` become one, their other keys merged, else first."""

    def merged(values: Sequence[Any]) -> Any:
        found: dict[tuple[Any, ...], list[Any]] = {}
        for row in (row for each in values for row in each):
            found.setdefault(tuple(row.get(name) for name in names), []).append(row)
        return [fields(**merges)(same) for same in found.values()]

    return merged


def fullest(values: Sequence[Any]) -> Any:
    """The keys of a limit that any of them has seen, each as the one says who saw it later, the fullest first."""
    found: dict[str, Any] = {}
    for row in (row for each in values for row in each):
        name = repr(sorted(row["key"].items()))
        found[name] = min(found.get(name, row), row, key=_left)
    return sorted(found.values(), key=_left)


def _left(row: Mapping[str, Any]) -> tuple[int, float]:
    return row["remaining"], -row["reset"]


def in_order(**merges: Merge) -> Merge:
    """Of lists of objects that every worker gives in the same order: merged one by one."""
    return lambda values: [fields(**merges)(same) for same in zip(*values, strict=False)]


def fields(**merges: Merge) -> Merge:
    """Of objects: each key by its own way, the first worker's value where none is named."""

    def merged(values: Sequence[Any]) -> Any:
        keys = dict.fromkeys(key for each in values for key in each)
        return {key: merges.get(key, first)([each[key] for each in values if key in each]) for key in keys}

    return merged


def servers(values: Sequence[Any]) -> Any:
    """The servers of an upstream, each with what all workers have there, and how it stands with each (`workers`).

    `standing` is the worst that one of them says: whoever looks for trouble should find it.
    """

    def merged(same: Sequence[Any]) -> Any:
        found = fields(in_flight=total, healthy=everywhere, ejected=anywhere, draining=anywhere)(same)
        said = [each["standing"] for each in same]
        return {**found, "standing": next(each for each in _WORST if each in said), "workers": said}

    found: dict[str, list[Any]] = {}
    for row in (row for each in values for row in each):
        found.setdefault(row["url"], []).append(row)
    return [merged(same) for same in found.values()]


def snapshots(values: Sequence[Any]) -> Any:
    """The numbers of all as those of one."""
    return merge(map(read, values)).as_data()


_WORST: Final = ("down", "ejected", "draining", "up")
_FIRED: Final[Mapping[str, Merge]] = dict.fromkeys(("fired", "decided", "matched", "shadow", "waived"), total)


@dataclass(frozen=True, slots=True)
class Way:
    """Whether `everyone` is asked, or one who knows what all know; and how their answers become one."""

    everyone: bool = True
    merge: Merge = field(default=first)


ANYONE: Final = Way(everyone=False)
"""All would say the same."""

WAYS: Final[Mapping[str, Way]] = {
    "status": Way(
        merge=fields(
            connections=total,
            ready=everywhere,
            draining=anywhere,
            started=least,
            uptime=most,
            workers=union,
            lists=rows("listener", "name", problems=union),
        )
    ),
    "policies": Way(merge=fields(policies=rows("listener", rules=rows("id", "kind", **_FIRED), never_fired=common))),
    "lists": Way(merge=fields(lists=rows("listener", "name", unfetched=told, problems=union))),
    "lists.lookup": ANYONE,
    "lists.refresh": ANYONE,
    "explain": ANYONE,
    "limits": Way(merge=fields(limits=rows("listener", "id", keys=most, fullest=fullest))),
    "upstreams": Way(merge=fields(upstreams=rows("name", servers=servers))),
    "metrics": Way(merge=snapshots),
    "upstreams.servers": Way(),
    "cache.purge": Way(merge=fields(answers=total)),
    "cache.stats": Way(merge=fields(caches=in_order(memory=total, disk=total, files=total))),
}
"""Every order that workers carry out."""


def merged(merge: Merge, answers: Mapping[int, Outcome]) -> Outcome:
    """The answer to an order; `answers` are those of the workers by their numbers, at least one."""
    refused = {number: each.refused for number, each in answers.items() if each.refused is not None}
    if len(set(refused.values())) == 1 and len(refused) == len(answers):
        return Outcome(refused=next(iter(refused.values())))
    if refused:
        return Outcome(refused="; ".join(f"worker {number}: {why}" for number, why in sorted(refused.items())))
    done = merge([each.done for _, each in sorted(answers.items())])
    return Outcome(done)


def merged_records(records: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Records of one order (`admin`), of all workers, as one of each kind: with the time of the first, and the sum."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for each in records:
        found.setdefault(repr((each.get("order"), each.get("what"))), []).append(each)
    return [fields(count=total)(same) for same in found.values()]
