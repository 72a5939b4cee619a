"""One kept answer as the bytes of a file: a line, a head in JSON, the content; each with its checksum.

    wicketgate-cache 1 <length of the head> <SHA-256 of the head>
    {"name": ..., "key": ..., "names": [...], "status": ..., "fields": [...], ..., "body": [..., ...]}
    content

A file is read as what it says only if every byte of it is as it was written; else it is `Damaged`, and no answer.
JSON, and no pickle: what somebody puts into a folder must not run. A key-value library that does the same without
pickle was not found (diskcache pickles, and is not looked after; sqlite keeps bodies in pages and has to be repaired).
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any, Final, Self

from gateway.cache.messages import Answered
from gateway.cache.store import Kept

if TYPE_CHECKING:
    from gateway.cache.varying import Secondary

MOST_HEAD: Final = 1024 * 1024
"""Bytes of a head that are read at most."""
MOST_LINE: Final = 128
"""Bytes of the first line that are read at most."""
_LINE: Final = re.compile(rb"wicketgate-cache 1 (?P<length>[0-9]{1,7}) (?P<sum>[0-9a-f]{64})\n")


class Damaged(Exception):  # noqa: N818 - it says how the file is
    """A file is not what was written as an answer."""


def name_of(key: str, place: Secondary) -> str:
    """The name of an answer's file: it tells nothing of what is in it."""
    return sha256(repr((key, place)).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class Head:
    """What a file says before the content: its name, under which key, for which fields of Vary, how much follows."""

    name: str
    key: str
    names: tuple[str, ...]
    answer: Answered
    length: int
    digest: str

    @classmethod
    def read(cls, line: bytes, head: bytes) -> Self:
        """The head behind the first line. Raises Damaged."""
        found = _LINE.fullmatch(line)
        if found is None or int(found["length"]) != len(head) or sha256(head).hexdigest() != found["sum"].decode():
            raise Damaged("its head is not as it was written")
        try:
            return cls._of(json.loads(head))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise Damaged("its head cannot be read") from error

    @classmethod
    def _of(cls, said: dict[str, Any]) -> Self:
        raw = tuple((name.encode("latin-1"), value.encode("latin-1")) for name, value in said["fields"])
        answer = Answered(int(said["status"]), raw, float(said["asked_at"]), float(said["came_at"]))
        length, digest = said["body"]
        return cls(
            str(said["name"]), str(said["key"]), tuple(map(str, said["names"])), answer, int(length), str(digest)
        )

    def whole(self, body: bytes) -> Kept:
        """The answer with its content. Raises Damaged."""
        if len(body) != self.length or sha256(body).hexdigest() != self.digest:
            raise Damaged("its content is not as it was written")
        return Kept(self.answer, body)


def head_length(line: bytes) -> int:
    """How many bytes of head follow the first line. Raises Damaged."""
    found = _LINE.fullmatch(line)
    if found is None or int(found["length"]) > MOST_HEAD:
        raise Damaged("it is no kept answer")
    return int(found["length"])


def written(name: str, key: str, names: tuple[str, ...], kept: Kept) -> tuple[bytes, bytes]:
    """What stands in a file: everything before the content, and the content."""
    answer = kept.answer
    said = {
        "name": name,
        "key": key,
        "names": names,
        "status": answer.status,
        "fields": [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.raw],
        "asked_at": answer.asked_at,
        "came_at": answer.came_at,
        "body": (len(kept.body), sha256(kept.body).hexdigest()),
    }
    head = json.dumps(said, separators=(",", ":")).encode("ascii")
    return b"wicketgate-cache 1 %d %s\n%s" % (len(head), sha256(head).hexdigest().encode(), head), kept.body
