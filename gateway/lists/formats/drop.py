"""Format `drop`: Spamhaus DROP, as JSON lines with `cidr`, or as the older text, `cidr ; SBL`.

The last line of the JSON form counts the records: a file that was cut off does not agree with it.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.lists.findings import Prefixes, Unusable, Wrong
from gateway.lists.formats import netset
from gateway.lists.lines import Reader
from gateway.lists.networks import prefixes_of, read_network
from gateway.policy.errors import quoted

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from gateway.lists.findings import Finding

_NOTHING: Final = re.compile(rb"(?!)()")
"""Takes no line: these files are small."""


def reader() -> Reader:
    """Reads one file of either form."""
    drop = _Drop(netset.reader())
    return Reader(_NOTHING, prefixes_of, drop.read)


@dataclass(slots=True)
class _Drop:
    text: Reader
    records: int = 0

    def read(self, line: str) -> Iterable[Finding]:
        if not line.lstrip().startswith("{"):
            return self.text.one(line)
        return self._record(line)

    def _record(self, line: str) -> Iterator[Finding]:
        try:
            record = json.loads(line)
        except ValueError:
            yield Wrong(f"{quoted(line)} is not JSON, the line may be cut off")
            return
        if record.get("type") == "metadata":
            yield from self._end(record.get("records"))
        elif isinstance(record.get("cidr"), str):
            found = read_network(record["cidr"])
            self.records += isinstance(found, Prefixes)
            yield found
        else:
            yield Wrong(f"{quoted(line)} has no `cidr`")

    def _end(self, records: object) -> Iterator[Finding]:
        if isinstance(records, int) and records != self.records:
            yield Unusable(
                f"its last line counts {records:,} records, but it holds {self.records:,}: it may be cut off"
            )
