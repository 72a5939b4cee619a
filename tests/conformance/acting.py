"""Rows acted out by a client that sends exactly what they say, piece by piece, and judges nothing."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from tests.conformance.frames import Streams
from tests.conformance.hellos import Hello
from tests.conformance.table import BadTable, wire
from tests.e2e.wire import Answer, Closed, Wire, connect, get

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.conformance.table import Row

_ESTABLISHED: Final = 200


class Place(Protocol):
    """Where rows are acted out: the ports of its listeners, whom clients trust there, what words in braces mean."""

    ports: dict[str, int]
    authority: Path
    trust: Path

    @property
    def told(self) -> dict[str, str]:
        """What stands for the words in braces in a row."""

    def step(self) -> None:
        """Let the gateway's loop see what has arrived, and act on it."""


@dataclass(slots=True)
class Client:
    """One connection of a row. `answers` came, without the 200s of CONNECT; `split` cuts what is sent in two.

    A `marker` is a request that follows when all wanted answers have come; `marked` is its answer, if it got one.
    """

    row: Row
    watched: Place
    split: int | None = None
    marker: bytes | None = None
    answers: list[Answer] = field(default_factory=list)
    marked: Answer | None = None
    rest: bytes = b""
    _wire: Wire = field(init=False)
    _streams: Streams | None = None

    def __post_init__(self) -> None:
        self._wire = connect(self.watched.ports[self.row.listener])
        self._wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def act(self) -> None:
        """Do all that the row says, and read all that comes back until the other end closes."""
        try:
            self._play()
        finally:
            self._wire.socket.close()

    def _play(self) -> None:
        if self.row.where != "plain":
            self._connect(self._filled(self.row.to))
        if self.row.where in {"tls", "h2"}:
            self._tls(self._filled(self.row.sni or self.row.to.partition(":")[0]))
        if self.row.where == "h2":
            self._streams = Streams(self._wire.socket)
            self._streams.start()
        for step in self.row.steps:
            self._do(step)
        wanted = [want for want in self.row.wants if want.is_answered]
        while len(self.answers) < len(wanted):
            self._read()
        if self._streams is not None:
            self._streams.broken_off(len(self.row.wants))
        if len(wanted) == len(self.row.wants) or self._streams is not None:
            if self.marker is not None:
                self._mark(self.marker)
            self._end()
        with suppress(ssl.SSLError):  # an end without a farewell
            self.rest = self._wire.rest() if self._streams is None else self._streams.rest(len(self.answers))

    def _mark(self, marker: bytes) -> None:
        """Ask once more; a connection that has ended answers nothing at all."""
        self._send(marker)
        with suppress(Closed):
            self.marked = self._wire.answer()

    def _end(self) -> None:
        """Say that nothing more comes, below TLS, so that what comes back can still be read."""
        with socket.socket(fileno=os.dup(self._wire.socket.fileno())) as beneath, suppress(OSError):
            beneath.shutdown(socket.SHUT_WR)

    def _do(self, step: Any) -> None:
        if isinstance(step, str):
            self._send(wire(self._filled(step)))
            return
        ((verb, what),) = step.items()
        acts: dict[str, Callable[[Any], None]] = {
            "crumbs": lambda said: self._crumbs(wire(self._filled(said))),
            "connect": lambda said: self._connect(self._filled(said)),
            "tls": lambda said: self._tls(self._filled(said)),
            "tls_of_origin": lambda said: self._tls(self._filled(said), of_origin=True),
            "hello": lambda said: self._send(_hello(said)),
            "hello_in_crumbs": lambda said: self._crumbs(_hello(said)),
            "read": self._read,
            "repeat": self._repeat,
            "end": lambda _said: self._end(),
            "head": lambda said: self._head(said, end=True),
            "open_head": lambda said: self._head(said, end=False),
            "data": lambda said: self._speaking().data(wire(self._filled(said)), end=False),
            "last_data": lambda said: self._speaking().data(wire(self._filled(said)), end=True),
            "trailers": lambda said: self._speaking().trailers(map(self._filled, said)),
            "break_off": lambda _said: self._speaking().break_off(),
            "frame": self._frame,
            "established": lambda _said: self._established(),
        }
        if verb not in acts:
            raise BadTable(f"{self.row.name}: `{verb}` is no step")
        acts[verb](what)

    def _filled(self, text: str) -> str:
        for word, meaning in self.watched.told.items():
            text = text.replace(word, meaning)
        return text

    def _send(self, data: bytes) -> None:
        """Send it; a gateway that has said its last word already may have closed."""
        pieces = [data] if self.split is None else [data[: self.split], data[self.split :]]
        with suppress(ConnectionError, ssl.SSLError):
            for piece in pieces:
                self._wire.send(piece)
                if self.split is not None:
                    self.watched.step()

    def _crumbs(self, data: bytes) -> None:
        with suppress(ConnectionError, ssl.SSLError):
            for at in range(len(data)):
                self._wire.send(data[at : at + 1])
                self.watched.step()

    def _speaking(self) -> Streams:
        assert self._streams is not None, f"{self.row.name} speaks no HTTP/2"
        return self._streams

    def _head(self, lines: list[str], *, end: bool) -> None:
        self._speaking().head(map(self._filled, lines), end=end)

    def _frame(self, said: dict[str, Any]) -> None:
        self._speaking().raw(said["type"], said["flags"], said["stream"], wire(self._filled(said["body"])))

    def _repeat(self, said: dict[str, Any]) -> None:
        self._send(wire(said["text"]) * said["times"])

    def _connect(self, authority: str) -> None:
        self._wire.send(get(authority, authority, method="CONNECT"))
        self._established()

    def _established(self) -> None:
        status = self._wire.interim()
        assert status == _ESTABLISHED, f"the tunnel was answered {status}"

    def _tls(self, name: str, *, of_origin: bool = False) -> None:
        """A handshake that trusts the gateway's authority, or only that of the origins."""
        context = ssl.create_default_context(cafile=self.watched.trust if of_origin else self.watched.authority)
        protocol = "h2" if self.row.where == "h2" else "http/1.1"
        context.set_alpn_protocols([protocol])
        inside = context.wrap_socket(self._wire.socket, server_hostname=name)
        assert of_origin or inside.selected_alpn_protocol() == protocol
        self._wire = Wire(inside)

    def _read(self, status: int | None = None) -> None:
        before = len(self.answers)
        asked = str(self.row.steps[before]) if before < len(self.row.steps) else ""
        if self._streams is None:
            answer = self._wire.answer(head_only=asked.startswith("HEAD "))
        else:
            answer = self._streams.answer(2 * before + 1)
        assert status in {None, answer.status}, (answer.status, answer.body)
        self.answers.append(answer)


def _hello(said: dict[str, Any]) -> bytes:
    known = {**said}
    for key in ("names", "alpn"):
        if key in known:
            known[key] = tuple(known[key])
    return Hello(**known).raw


def pieces_of(row: Row, watched: Place) -> int:
    """In how many places the one thing that a row sends can be split."""
    (step,) = row.steps
    if isinstance(step, str):
        text = step
        for word, meaning in watched.told.items():
            text = text.replace(word, meaning)
        return len(wire(text))
    return len(_hello(step["hello"]))
