"""One line for the operator: a sentence with its time, its level and the part of the gateway that says it.

As text it is a sentence for people, as JSON one object for programs. Neither breaks a line or moves a cursor.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from gateway.config.settings import LogFormat

SPEAKER: Final = "wicketgate"
"""Who speaks: what every line of text begins with."""
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """`time` in seconds since the epoch; `repeated` is how often the same was said since, and not shown."""

    time: float
    level: str
    part: str
    sentence: str
    cause: str | None = None
    repeated: int = 0

    def as_text(self) -> str:
        """For people. An error is told as such by its sentence, so no word is put before it."""
        cause = "" if self.cause is None else f" ({self.cause})"
        repeated = f" [said {self.repeated} more times meanwhile]" if self.repeated else ""
        return _CONTROL.sub(_escaped, f"{SPEAKER}: {self.sentence}{cause}{repeated}")

    def as_json(self) -> str:
        """One JSON object, for programs."""
        said: dict[str, object] = {
            "time": datetime.fromtimestamp(self.time, UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            "level": self.level,
            "part": self.part,
            "sentence": self.sentence,
        }
        if self.cause is not None:
            said["cause"] = self.cause
        if self.repeated:
            said["repeated"] = self.repeated
        return json.dumps(said)

    def written(self, form: LogFormat) -> str:
        """In one of the two forms, with the end of the line."""
        return f"{self.as_json() if form == 'json' else self.as_text()}\n"


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode("ascii")
