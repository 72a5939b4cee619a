"""A server of lists over TLS that knows ETags, and that can be told to answer badly."""

from __future__ import annotations

import re
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from tests.e2e.certificates import Wish, authority
from tests.e2e.origin import Visit, origin, read_request

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

HOST: Final = "lists.example"
_ASKED_BY: Final = re.compile(rb"\r\nIf-None-Match: ([^\r\n]+)\r\n")


@dataclass(slots=True)
class ListServer:
    """Serves `lines` at every path; `root` vouches for it, `answered` are the statuses that it gave.

    It cuts its answers in the middle while `breaks` is set, and answers 503 while `fails` is.
    """

    root: bytes
    lines: list[str]
    port: int = 0
    breaks: bool = False
    fails: bool = False
    answered: list[int] = field(default_factory=list)

    def serve(self, connection: socket.socket, visit: Visit) -> None:
        """Answer requests, as a server of files does."""
        while request := read_request(connection, visit):
            content = "".join(f"{line}\n" for line in self.lines).encode()
            etag = b'"%s"' % sha256(content).hexdigest()[:16].encode()
            known = _ASKED_BY.search(request)
            self.answered.append(503 if self.fails else 304 if known is not None and known[1] == etag else 200)
            connection.sendall(self._answer(content, etag))
            if self.breaks:
                return

    def _answer(self, content: bytes, etag: bytes) -> bytes:
        if self.fails:
            return b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"
        if self.answered[-1] == 304:
            return b"HTTP/1.1 304 Not Modified\r\nETag: %s\r\n\r\n" % etag
        head = b"HTTP/1.1 200 OK\r\nETag: %s\r\nContent-Length: %d\r\n\r\n" % (etag, len(content))
        return head + content[: len(content) // 2 if self.breaks else None]


@contextmanager
def list_server(folder: Path, *lines: str) -> Iterator[ListServer]:
    """Serve these lines within this block, with a certificate of an authority of its own for `lists.example`."""
    root = authority()
    served = ListServer(root.pem, list(lines))
    with origin(serve=served.serve, tls=root.signs(Wish(names=(HOST,))).served(folder)) as behind:
        served.port = behind.port
        yield served
