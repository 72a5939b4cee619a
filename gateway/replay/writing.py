"""A learnt policy as YAML that people read: every line with what it rests on, the same text for the same log."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, Final

from gateway.policy.model import Mode

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.replay.evidence import Seen
    from gateway.replay.learning import Learnt, Way

_BARE: Final = re.compile(r"[a-z][a-z0-9-]*(\.[a-z0-9-]+)+")
_LONGEST_ID: Final = 60
_SECONDS: Final = len("2026-11-23T10:00:00")
_TOGETHER: Final = {
    "under": "taken together",
    "below": "taken together",
    "prefix": "taken together",
    "matches": "one shape",
}


def written(learnt: Learnt, name: str) -> str:
    """The policy as text."""
    return "\n".join([*_head(learnt, name), *_rules(learnt), *_splices(learnt)]) + "\n"


def _head(learnt: Learnt, name: str) -> Iterator[str]:
    yield f"# Learnt from {_many(learnt.whole)}: what was not seen is denied. Read every line before it is enforced."
    yield "# Limits, edits of fields and what denies were for cannot be seen in traffic, and are not in here."
    for note in learnt.notes:
        yield f"# {note}"
    yield from ("version: 1", f"name: {name}", "default: {action: deny}")
    if learnt.mode is Mode.REVERSE:
        return
    ports = sorted(learnt.tunnel_ports)
    if ports and ports != [443]:
        yield "connect_ports:"
        yield from (f"  - {port} # {_told(learnt.tunnel_ports[port])}" for port in ports)
    if learnt.special:
        yield "unsafe_destinations:"
        yield from (f"  - {_quoted(address)} # {_told(seen)}" for address, seen in sorted(learnt.special.items()))


def _rules(learnt: Learnt) -> Iterator[str]:
    yield "rules:" if learnt.rules else "rules: []"
    ids: Counter[str] = Counter()
    for way, items in sorted(learnt.rules.items()):
        yield from _rule(_id(way, ids), way, items)


def _rule(name: str, way: Way, items: Mapping[str, Seen]) -> Iterator[str]:
    yield f"  - id: {name}"
    yield "    action: allow"
    yield f"    reason: {_reason(way)}"
    yield "    when:"
    if way.kind == "tcp":
        yield "      protocol: [tcp]"
    elif way.kind == "tls":
        yield "      tls.inspected: [false]"
    else:
        yield f"      scheme: [{way.scheme}]"
        yield f"      method: [{', '.join(map(_quoted_method, way.methods))}]"
    yield from _place("      ", way, items)


def _place(margin: str, way: Way, items: Mapping[str, Seen]) -> Iterator[str]:
    """The conditions on who goes where, an item to a line."""
    yield f"{margin}port: [{way.port}]"
    if way.clients:
        yield f"{margin}client.ip: {{in: [{', '.join(map(_quoted, way.clients))}]}}"
    if way.host:
        yield f"{margin}host: {{is: [{_quoted(way.host)}]}}"
    yield f"{margin}path:" if way.host else f"{margin}host:"
    yield f"{margin}  {way.operator}:"
    together = _TOGETHER.get(way.operator)
    for text, seen in sorted(items.items()):
        yield f"{margin}    - {_quoted(text)} # {f'{together}, ' if together else ''}{_told(seen)}"


def _splices(learnt: Learnt) -> Iterator[str]:
    """What was passed on unread goes on so: opened, clients that trust no other authority would break off."""
    spliced = [(way, items) for way, items in sorted(learnt.rules.items()) if way.kind == "tls"]
    if not spliced:
        return
    yield from ("tls:", "  inspect: all", "  splice:")
    for number, (way, items) in enumerate(spliced, 1):
        yield f"    - id: spliced-{number}"
        yield "      reason: Passed on unread when it was seen"
        yield "      when:"
        yield from _place("        ", way, items)


def _reason(way: Way) -> str:
    if way.kind == "tcp":
        return "Seen as a tunnel that is neither TLS nor HTTP"
    if way.kind == "tls":
        return "Seen as a tunnel that was passed on unread, so only its host is known"
    return "Seen in the log"


def _id(way: Way, taken: Counter[str]) -> str:
    """A name that says what the rule is about; the same ones are numbered in their order."""
    said = [way.host, *way.methods] if way.host else [way.scheme or way.kind, str(way.port), *way.methods]
    if way.kind != "http":
        said = [way.kind, str(way.port)]
    name = "-".join(re.findall(r"[a-z0-9]+", " ".join(said).lower()))[:_LONGEST_ID].strip("-")
    taken[name] += 1
    return f"{name}-{taken[name]}"


def _told(seen: Seen) -> str:
    first, last = seen.first[:_SECONDS], seen.last[:_SECONDS]
    return f"{_many(seen)}, {first}Z to {last}Z, like {seen.example}"


def _many(seen: Seen) -> str:
    clients = len(seen.clients)
    return f"{seen.count} request{'s' * (seen.count != 1)} of {clients} client{'s' * (clients != 1)}"


def _quoted(text: str) -> str:
    return text if _BARE.fullmatch(text) else "'" + text.replace("'", "''") + "'"


def _quoted_method(text: str) -> str:
    return text if re.fullmatch(r"[A-Z]+", text) else f"'{text}'"
