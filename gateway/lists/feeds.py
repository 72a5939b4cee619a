"""What was fetched, kept on disk: the very bytes, and what their server said of them.

The time of the file is when the server last said that this is the list: a server that says "not modified" renews it,
and a start without a network has the list with its age. What is kept by its URL serves every policy that names it.
"""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from gateway.lists.kept import write_copy
from gateway.lists.source import Source, UnreadableError, digest_of

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.policy.language.clauses import Feed

_LENGTH: Final = 32


@dataclass(frozen=True, slots=True)
class Validators:
    """What a server is asked by whether a copy still holds (RFC 9110 section 8.8), as it gave them."""

    etag: str | None = None
    last_modified: str | None = None


def beside(kept: Path) -> Path:
    """Where fetched copies lie, seen from the directory in which the last good copies of one policy's lists do."""
    return kept.with_name(".fetched")


def copy_name(feed: Feed) -> str:
    """The name of the copy of what is fetched there."""
    return f"{sha256(feed.url.encode()).hexdigest()[:_LENGTH]}.list"


@dataclass(frozen=True, slots=True)
class FetchedCopies:
    """The copies in a directory that only the gateway writes."""

    directory: Path

    def checked(self, feed: Feed) -> float | None:
        """When its server last said that the copy is the list, in seconds since the epoch; None without a copy."""
        try:
            return self._path(feed).stat().st_mtime
        except OSError:
            return None

    def validators(self, feed: Feed) -> Validators:
        """What to ask the server by; nothing, unless there is a copy and it is the one that they are about."""
        try:
            told = json.loads(self._about(feed).read_bytes())
            if told["digest"] == Source.read(self._path(feed)).digest:
                return Validators(told["etag"], told["last_modified"])
        except (OSError, ValueError, KeyError, TypeError, UnreadableError):
            pass
        return Validators()

    def keep(self, feed: Feed, content: bytes, validators: Validators, now: float) -> None:
        """This is the list now. Raises OSError."""
        self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = {"url": feed.url, "digest": digest_of(content), **asdict(validators)}
        write_copy(self._about(feed), json.dumps(about, indent=1).encode(), now)
        write_copy(self._path(feed), content, now)

    def renew(self, feed: Feed, now: float) -> None:
        """The copy is still the list. Raises OSError."""
        os.utime(self._path(feed), (now, now))

    def _path(self, feed: Feed) -> Path:
        return self.directory / copy_name(feed)

    def _about(self, feed: Feed) -> Path:
        return self._path(feed).with_suffix(".json")
