"""HTTP as bytes: a client that sends exactly what a test says, and reads what comes back without being helpful."""

from __future__ import annotations

import json
import socket
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from tests.e2e.commands import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from types import TracebackType

BODILESS = frozenset({204, 304})


class Closed(Exception):  # noqa: N818 - it says what happened
    """The other end closed before an answer was whole; holds what had come."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it was received; names of fields in lower case."""

    status: int
    fields: tuple[tuple[str, str], ...]
    body: bytes

    def all(self, name: str) -> list[str]:
        """The values of a field."""
        return [value for each, value in self.fields if each == name]

    def get(self, name: str) -> str | None:
        """The value of a field that occurs once, or None."""
        values = self.all(name)
        assert len(values) <= 1, values
        return values[0] if values else None

    @property
    def decision(self) -> str:
        """The decision id of a refusal."""
        found = self.get("wicketgate-decision")
        assert found is not None, (self.status, self.body)
        return found

    @property
    def problem(self) -> dict[str, Any]:
        """The body of a refusal, which repeats its decision id."""
        said: dict[str, Any] = json.loads(self.body)
        assert said["decision"] == self.decision
        return said

    @property
    def verdict(self) -> tuple[int, str, str | None]:
        """Status, reason and rule of a refusal."""
        return self.status, self.problem["reason"], self.problem.get("rule")


@dataclass(slots=True)
class Wire:
    """A connection. Sends bytes as they are given, reads answers in order; `trailers` are those of the last body."""

    socket: socket.socket
    buffer: bytearray = field(default_factory=bytearray)
    trailers: bytes = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.socket.close()

    def send(self, data: bytes) -> None:
        """Send all of it."""
        self.socket.sendall(data)

    def ask(self, data: bytes) -> Answer:
        """Send a request and read its answer."""
        self.send(data)
        return self.answer(head_only=data.startswith(b"HEAD "))

    def ask_all(self, requests: Iterable[bytes]) -> list[Answer]:
        """Send requests at once, one behind the other, and read their answers in order."""
        asked = list(requests)
        self.send(b"".join(asked))
        return [self.answer() for _ in asked]

    def answer(self, *, head_only: bool = False) -> Answer:
        """The next final answer; interim ones are passed over. Raises Closed."""
        while True:
            status, fields = _head(self.until(b"\r\n\r\n"))
            if status == 101 or status >= 200:
                break
        if head_only or status in BODILESS or status < 200:
            return Answer(status, fields, b"")
        return Answer(status, fields, self._body(fields))

    def interim(self) -> int:
        """The status of the next answer, which has to be an interim one or has no body."""
        return _head(self.until(b"\r\n\r\n"))[0]

    def _body(self, fields: tuple[tuple[str, str], ...]) -> bytes:
        known = dict(fields)
        if known.get("transfer-encoding") == "chunked":
            return b"".join(self.chunks())
        if "content-length" in known:
            return self.take(int(known["content-length"]))
        return self.rest()

    def chunks(self) -> Iterator[bytes]:
        """The pieces of a body in chunks, then its trailers. Raises Closed."""
        while size := int(self.until(b"\r\n").split(b";")[0], 16):
            yield self.take(size)
            self.take(2)
        self.trailers = b""
        while line := self.until(b"\r\n"):
            self.trailers += line + b"\r\n"

    def rest(self) -> bytes:
        """Everything until the other end closes; a reset counts as an end."""
        while self._more():
            pass
        return self.take(len(self.buffer))

    @property
    def ended(self) -> bool:
        """Whether the other end has closed, with nothing left to read. Waits for it."""
        return self.rest() == b""

    def until(self, mark: bytes) -> bytes:
        """Everything before a mark, which is read too. Raises Closed."""
        while (at := self.buffer.find(mark)) < 0:
            if not self._more():
                raise Closed(bytes(self.buffer))
        found = self.take(at + len(mark))
        return found[:at]

    def take(self, size: int) -> bytes:
        """So many bytes. Raises Closed."""
        while len(self.buffer) < size:
            if not self._more():
                raise Closed(bytes(self.buffer))
        taken = bytes(self.buffer[:size])
        del self.buffer[:size]
        return taken

    def _more(self) -> bool:
        try:
            data = self.socket.recv(262144)
        except ConnectionError:
            return False
        self.buffer += data
        return bool(data)


def connect(port: int, host: str = "127.0.0.1", source: str | None = None) -> Wire:
    """A connection to a port of this machine, from an address of it."""
    came_from = None if source is None else (source, 0)
    return Wire(socket.create_connection((host, port), timeout=PATIENCE, source_address=came_from))


def get(target: str, host: str, *fields: str, method: str = "GET", body: bytes = b"") -> bytes:
    """The bytes of a request; a body brings its Content-Length."""
    length = (f"Content-Length: {len(body)}",) if body else ()
    lines = (f"{method} {target} HTTP/1.1", f"Host: {host}", *fields, *length, "", "")
    return "\r\n".join(lines).encode("utf-8") + body


def _head(raw: bytes) -> tuple[int, tuple[tuple[str, str], ...]]:
    line, *lines = raw.decode("latin-1").split("\r\n")
    fields = (each.partition(":") for each in lines)
    return int(line.split(" ", 2)[1]), tuple((name.lower(), value.strip()) for name, _, value in fields)
