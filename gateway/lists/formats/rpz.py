"""Format `rpz`: a response policy zone, as a master file (RFC 1035 section 5).

`name CNAME .` is the name, `*.name CNAME .` all below it and not the name itself. `CNAME *.` (no data) and
`CNAME rpz-drop.` are entries too: they also mean that nobody gets there. `CNAME rpz-passthru.` is an exemption. Other
actions (walled gardens, local data) and other triggers (`rpz-ip`, `rpz-nsdname` ...) cannot be said by a list of names:
they are left out and counted.

Source: draft-vixie-dnsop-dns-rpz; RFC 1035 section 5 (master files).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Names, Skipped, Unusable, Wrong
from gateway.lists.lines import NAME, Reader
from gateway.lists.names import overlong, read_name
from gateway.policy.domains import Reach
from gateway.policy.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.lists.findings import Finding

_TRIGGERS: Final = (".rpz-ip", ".rpz-nsip", ".rpz-client-ip", ".rpz-nsdname")
_NO_TRIGGER: Final = b"".join(rb"(?<!" + re.escape(trigger.encode()) + rb")" for trigger in _TRIGGERS)
_LINE: Final = re.compile(
    rb"^((?:\*\.)?+"
    + NAME
    + rb")"
    + _NO_TRIGGER
    + rb"[ \t]++(?:[0-9]++[ \t]++)?(?:in[ \t]++)?cname[ \t]++\.[ \t]*+\r?$",
    re.MULTILINE,
)
_RECORD: Final = re.compile(
    r"(?P<owner>\S+)(?:\s+(?:[0-9]+[smhdw]?|in))*\s+(?P<type>[a-z][a-z0-9]*)\s+(?P<value>.*)", re.IGNORECASE
)
_DENYING: Final = frozenset({".", "*.", "rpz-drop."})
_ADMINISTRATION: Final = frozenset({"soa", "ns"})


def reader() -> Reader:
    """Reads one zone. Names may be relative to it or absolute within it."""
    zone = _Zone()
    return Reader(_LINE, _several, zone.read)


def _several(owners: list[bytes]) -> list[Finding] | None:
    if overlong(owners):
        return None
    below = [owner[2:] for owner in owners if owner[:2] == b"*."]
    if not below:
        return [Names(Reach.IS, owners)]
    return [Names(Reach.BELOW, below), Names(Reach.IS, [owner for owner in owners if owner[:2] != b"*."])]


@dataclass(slots=True)
class _Zone:
    """What a line means depends on lines before it: where the zone is rooted, whether a record is still open."""

    origin: str | None = None
    open: bool = False

    def read(self, line: str) -> Iterable[Finding]:
        text = line.partition(";")[0].rstrip()
        if self.open or not text:
            self.open = self.open and ")" not in text
            return ()
        if text.startswith("$"):
            return self._directive(text)
        self.open = "(" in text and ")" not in text
        return self._record(text)

    def _directive(self, text: str) -> Iterator[Finding]:
        word, *values = text.upper().split()
        if word == "$ORIGIN":
            origin = " ".join(values).lower()
            if self.origin is not None and origin != self.origin:
                yield Unusable(f"{quoted(text)}: the zone has another origin already, one file is one zone")
            self.origin = origin
        elif word != "$TTL":
            yield Unusable(f"{quoted(text)}: of the directives only `$ORIGIN` and `$TTL` are read, write the lines out")

    def _record(self, text: str) -> Iterator[Finding]:
        nameless = text[0].isspace()
        record = _RECORD.fullmatch("@" + text if nameless else text)
        kind = "" if record is None else record["type"].lower()
        if record is None or (nameless and kind not in _ADMINISTRATION):
            yield Wrong(f"{quoted(text.strip())}: a record is like `name CNAME .`, with its name on the same line")
            return
        owner = record["owner"].lower()
        if kind == "soa" and self.origin is None and owner.endswith("."):
            self.origin = owner
        if kind not in _ADMINISTRATION:
            yield self._entry(owner, kind, record["value"].strip().lower(), text)

    def _entry(self, owner: str, kind: str, value: str, text: str) -> Finding:
        name = self._relative(owner)
        if name is None:
            return Wrong(f"{quoted(owner)} is not a name of the zone {quoted(self.origin or '.')}")
        exempt = value == "rpz-passthru."
        if kind != "cname" or name.endswith(_TRIGGERS) or not (exempt or value in _DENYING):
            return Skipped(quoted(text))
        if name.startswith("*."):
            return read_name(name[2:], Reach.BELOW, exempt=exempt)
        return read_name(name, Reach.IS, exempt=exempt)

    def _relative(self, owner: str) -> str | None:
        if not owner.endswith("."):
            return owner
        if self.origin is None or not owner.endswith(f".{self.origin}"):
            return None
        return owner[: -len(self.origin) - 1]
