"""Lists as orders and commands tell of them, in plain values: what each holds, who is on it, and who uses it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from gateway.audit.records.times import timestamp
from gateway.lists.load import stale_at
from gateway.policy.language.clauses import ListDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.lists.load import LoadedList
    from gateway.policy.names import Host

type Users = Mapping[str, tuple[str, ...]]
"""The clauses that use each list, by its name."""


@dataclass(frozen=True, slots=True)
class Unfetched:
    """That nothing comes from a URL: `why` as the end of a sentence, and since when, in seconds since the epoch."""

    url: str
    why: str
    since: float

    def __str__(self) -> str:
        return f"`{self.url}` {self.why}, since {timestamp(self.since)}; the last copy stays"


def list_data(
    listener: str, loaded: LoadedList, users: Users, now: float, failed: Unfetched | None = None
) -> dict[str, Any]:
    """How much a list holds, where that is from, how old it is and whether that is too old, and who uses it.

    `failed` says that it could not be fetched the last time.
    """
    document, content = loaded.document, loaded.content
    modified = None if content is None else content.modified
    unfetched = failed if failed is not None and document.feed is not None and document.feed.url == failed.url else None
    stale = loaded.stale or (stale_at(document, content, now) if content is not None else ())
    return {
        "listener": listener,
        "name": document.name,
        "type": str(document.type),
        "source": source_of(document),
        "entries": 0 if content is None else content.entries,
        "memory": 0 if content is None else content.memory,
        "digest": None if content is None else content.digest,
        "modified": None if modified is None else timestamp(modified),
        "age": None if modified is None else max(0.0, round(now - modified, 3)),
        "most_age": document.max_age,
        "stale": bool(stale),
        "fell_back": loaded.fell_back,
        "unfetched": None if unfetched is None else {"why": unfetched.why, "since": timestamp(unfetched.since)},
        "used_by": list(users.get(document.name, ())),
        "problems": [
            *loaded.complaints,
            *loaded.remarks,
            *stale,
            *([] if unfetched is None else [str(unfetched)]),
        ],
    }


def unwell(row: Mapping[str, Any]) -> bool:
    """Whether there is something amiss with a list of `list_data`."""
    return bool(row["stale"] or row["fell_back"] or row["unfetched"] or row["digest"] is None)


def holders(listener: str, lists: Mapping[str, LoadedList], users: Users, subject: Host) -> Iterator[dict[str, Any]]:
    """The lists that hold a name or an address: by which entry, and what finds the line of that in which file."""
    for each in lists.values():
        document, content = each.document, each.content
        entry = None if content is None else content.find(subject)
        if content is not None and entry is not None:
            place = document.place
            yield {
                "listener": listener,
                "name": document.name,
                "type": str(document.type),
                "format": document.format,
                "match": document.match,
                "entry": entry,
                "source": source_of(document),
                "file": place.file if content.file is None else content.file,
                "line": place.line if content.file is None else None,
                "digest": content.digest,
                "used_by": list(users.get(document.name, ())),
            }


def list_held(holder: Mapping[str, Any]) -> ListDocument:
    """A list as far as it takes to read its lines, from what `holders` says."""
    return ListDocument(
        name=holder["name"],
        type=holder["type"],
        format=holder["format"],
        match=holder["match"],
    )


def source_of(document: ListDocument) -> str:
    """Where the entries of a list come from."""
    return document.feed.url if document.feed is not None else document.file or "the policy itself"
