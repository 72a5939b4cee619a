"""Lists as orders and commands tell of them, in plain values: what each holds, who is on it, and who uses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from gateway.audit.records.times import timestamp
from gateway.policy.language.clauses import ListDocument

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from gateway.lists.load import LoadedList
    from gateway.policy.names import Host

type Users = Mapping[str, tuple[str, ...]]
"""The clauses that use each list, by its name."""


def list_data(listener: str, loaded: LoadedList, users: Users, now: float) -> dict[str, Any]:
    """How much a list holds, where that is from, how old it is and whether that is too old, and who uses it."""
    document, content = loaded.document, loaded.content
    modified = None if content is None else content.modified
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
        "stale": bool(loaded.stale)
        or (modified is not None and document.max_age is not None and now - modified > document.max_age),
        "fell_back": loaded.fell_back,
        "used_by": list(users.get(document.name, ())),
        "problems": [*loaded.complaints, *loaded.remarks, *loaded.stale],
    }


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
