"""Rows acted out by a client that sends exactly what they say, piece by piece, and judges nothing."""

from __future__ import annotations

import os
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from tests.conformance.hellos import Hello
from tests.conformance.table import BadTable, wire
from tests.e2e.wire import Answer, Wire, connect, get

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.table import Row
    from tests.conformance.watched import Watched

_ESTABLISHED: Final = 200


@dataclass(slots=True)
class Client:
    """One connection of a row. `answers` came, without the 200s of CONNECT; `split` cuts what is sent in two."""

    row: Row
    watched: Watched
    split: int | None = None
    answers: list[Answer] = field(default_factory=list)
    rest: bytes = b""
    _wire: Wire = field(init=False)

    def __post_init__(self) -> None:
        self._wire = connect(self.watched.ports[self.row.policy])
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
        if self.row.where == "tls":
            self._tls(self._filled(self.row.sni or self.row.to.partition(":")[0]))
        for step in self.row.steps:
            self._do(step)
        wanted = [want for want in self.row.wants if want.status is not None]
        while len(self.answers) < len(wanted):
            self._read()
        if len(wanted) == len(self.row.wants):
            self._end()
        with suppress(ssl.SSLError):  # an end without a farewell
            self.rest = self._wire.rest()

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
        context.set_alpn_protocols(["http/1.1"])
        self._wire = Wire(context.wrap_socket(self._wire.socket, server_hostname=name))

    def _read(self, status: int | None = None) -> None:
        before = len(self.answers)
        asked = str(self.row.steps[before]) if before < len(self.row.steps) else ""
        answer = self._wire.answer(head_only=asked.startswith("HEAD "))
        assert status in {None, answer.status}, (answer.status, answer.body)
        self.answers.append(answer)


def _hello(said: dict[str, Any]) -> bytes:
    known = {**said}
    for key in ("names", "alpn"):
        if key in known:
            known[key] = tuple(known[key])
    return Hello(**known).raw


def pieces_of(row: Row, watched: Watched) -> int:
    """In how many places the one thing that a row sends can be split."""
    (step,) = row.steps
    if isinstance(step, str):
        text = step
        for word, meaning in watched.told.items():
            text = text.replace(word, meaning)
        return len(wire(text))
    return len(_hello(step["hello"]))
