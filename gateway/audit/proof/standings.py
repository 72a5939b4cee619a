"""How anchors stand: what each of them has, and since when it takes nothing. Kept on the disk, beside the proof.

An anchor that was dead when the gateway ended is not news at the next start, and one that came back meanwhile is.
It is for the operator; it proves nothing.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field
from threading import Lock
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from pathlib import Path

FILE: Final = "anchors"
"""The name of the file, in the folder of the proof."""
_PRIVATE_FILE: Final = 0o600


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """One anchor: the checkpoint that it has, by its `size` and when it was `kept`; `since` when it fails, and `why`.

    `untold` is since when it had failed, as long as the log does not say yet that this is over. Times as in records;
    None for what never was.
    """

    name: str
    size: int | None = None
    kept: str | None = None
    since: str | None = None
    why: str | None = None
    untold: str | None = None

    @property
    def is_failing(self) -> bool:
        """Whether the last checkpoint was not kept."""
        return self.since is not None

    def __str__(self) -> str:
        has = "has no checkpoint yet" if self.size is None else f"has that of {self.size} records, of {self.kept}"
        return f"anchor `{self.name}` {has}" + (f", and fails since {self.since}: {self.why}" if self.since else "")


@dataclass(slots=True)
class Standings:
    """The file, shared by the threads of all anchors."""

    path: Path
    _lock: Lock = field(default_factory=Lock)

    def all(self) -> tuple[Standing, ...]:
        """What was written down; nothing, if the file is none of ours."""
        try:
            return tuple(Standing(**each) for each in json.loads(self.path.read_bytes()))
        except (OSError, ValueError, TypeError):
            return ()

    def of(self, name: str) -> Standing:
        """How an anchor stood when that was last written down."""
        return next((each for each in self.all() if each.name == name), Standing(name=name))

    def put(self, standing: Standing) -> None:
        """Write down how an anchor stands now, in place of what was known of it. Raises OSError."""
        with self._lock:
            others = [each for each in self.all() if each.name != standing.name]
            text = json.dumps([asdict(each) for each in (*others, standing)], indent=1)
            draft = self.path.with_name(f"{self.path.name}.new")
            flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC | os.O_NOFOLLOW
            descriptor = os.open(draft, flags, _PRIVATE_FILE)
            try:
                os.write(descriptor, f"{text}\n".encode())
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            draft.replace(self.path)

    def keep_only(self, names: frozenset[str]) -> None:
        """Forget anchors that are no longer asked. Raises OSError."""
        with self._lock:
            known = self.all()
            if {each.name for each in known} <= names:
                return
            self.path.unlink()
        for each in known:
            if each.name in names:
                self.put(each)
