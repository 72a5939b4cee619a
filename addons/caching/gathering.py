"""Gathering an answer while it streams to its client: whole, within its bound, or not at all."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from mitmproxy.http import Response

    from gateway.cache.messages import Answered


@dataclass(slots=True)
class Gathering:
    """The pieces of an answer's content, `most` bytes of them; `dropped` hears at once that they are too many."""

    answer: Answered
    most: int
    dropped: Callable[[], None]
    is_over: bool = False
    _pieces: list[bytes] = field(default_factory=list)
    _size: int = 0

    def add(self, piece: bytes) -> None:
        """Take in one piece more; what is too large is let go of at once."""
        if self.is_over:
            return
        self._size += len(piece)
        if self._size > self.most:
            self.drop()
            self.dropped()
        elif piece:
            self._pieces.append(piece)

    def drop(self) -> None:
        """Forget it all: it will not be kept."""
        self.is_over = True
        self._pieces.clear()

    def whole(self) -> bytes | None:
        """The content, when the answer has come to its end; None if it is not to be kept."""
        return None if self.is_over else b"".join(self._pieces)

    def over(self, stream: object) -> Callable[[bytes], Iterable[bytes]]:
        """The stream of the answer, with everything that passes to the client gathered."""

        def down(piece: bytes) -> Iterable[bytes]:
            passed = stream(piece) if callable(stream) else (piece,)
            pieces = (passed,) if isinstance(passed, bytes) else tuple(passed)
            for each in pieces:
                self.add(each)
            return pieces

        return down


def stated_size(response: Response) -> int | None:
    """The length of the content by its head; None if only its end will tell."""
    length = response.headers.get("content-length", "")
    return int(length) if length.isascii() and length.isdigit() else None


def has_clear_end(response: Response) -> bool:
    """Whether a cut answer can be told from a whole one (RFC 9111 section 3.3).

    Content that ends with the connection cannot: a reset in its middle may look like its end.
    """
    framed = "content-length" in response.headers or "transfer-encoding" in response.headers
    return framed or response.is_http2 or response.status_code == 204  # noqa: PLR2004 - a status without content
