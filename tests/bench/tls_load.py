"""Load through a forward proxy that inspects TLS: in a process of its own, so that it has a processor of its own.

    python -m tests.bench.tls_load --proxy PORT --origin HOST:PORT --ca FILE [--seconds N] [--kept]

Every client asks for one page again and again, each time on a new connection through a new tunnel with a whole
handshake, or on one that it keeps. Prints JSON: answers, seconds, and percentiles of the time per answer.
"""

from __future__ import annotations

import argparse
import json
import socket
import ssl
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import TYPE_CHECKING, Final

from tests.bench.load import Round, Wrong

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

CLIENTS: Final = 8
"""Clients that ask at once."""
_PATIENCE: Final = 30.0


@dataclass(slots=True)
class Client:
    """Asks until a moment, through a proxy or, without one, the origin itself.

    `times` holds how long each answer took, in seconds, `wrong` what was no good answer.
    """

    proxy: int | None
    origin: str
    trusting: ssl.SSLContext
    kept: bool
    times: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def ask_until(self, moment: float) -> None:
        """Ask again and again."""
        try:
            while monotonic() < moment:
                self._visit(moment)
        except (OSError, Wrong) as error:
            self.wrong.append(str(error))

    def _visit(self, moment: float) -> None:
        began = monotonic()
        with self.connected() as inside:
            while True:
                inside.sendall(f"GET /page HTTP/1.1\r\nHost: {self.origin}\r\n\r\n".encode())
                _read_answer(inside, b"HTTP/1.1 200 ")
                now = monotonic()
                self.times.append(now - began)
                began = now
                if not self.kept or now >= moment:
                    return

    @contextmanager
    def connected(self) -> Iterator[ssl.SSLSocket]:
        """A connection with TLS to the origin, through a tunnel if there is a proxy."""
        host, _, port = self.origin.rpartition(":")
        address = ("127.0.0.1", int(port) if self.proxy is None else self.proxy)
        with socket.create_connection(address, timeout=_PATIENCE) as outside:
            outside.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            if self.proxy is not None:
                self._ask_for_a_tunnel(outside)
            with self.trusting.wrap_socket(outside, server_hostname=host) as inside:
                yield inside

    def _ask_for_a_tunnel(self, outside: socket.socket) -> None:
        outside.sendall(f"CONNECT {self.origin} HTTP/1.1\r\nHost: {self.origin}\r\n\r\n".encode())
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            if not (piece := outside.recv(4096)):
                raise Wrong("the tunnel was closed")
            head += piece
        if b" 200 " not in head.partition(b"\r\n")[0]:
            raise Wrong(head.partition(b"\r\n")[0].decode("latin-1"))


def _read_answer(stream: ssl.SSLSocket, wanted: bytes) -> None:
    answer = b""
    while b"\r\n\r\n" not in answer or not answer.endswith(b"hello from the origin\n"):
        if not (piece := stream.recv(65536)):
            break
        answer += piece
    if not answer.startswith(wanted):
        raise Wrong(f"the answer is: {answer[:60]!r}")


def load_tls(proxy: int, origin: str, ca: Path, seconds: int, *, kept: bool) -> Round:
    """A round of load in a process of its own. Raises Wrong if an answer is missing or is not 200."""
    command = [sys.executable, "-m", "tests.bench.tls_load", "--proxy", str(proxy), "--origin", origin]
    command += ["--ca", str(ca), "--seconds", str(seconds), *(["--kept"] if kept else [])]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Wrong(done.stderr.strip())
    return Round(**json.loads(done.stdout))


def percentile(times: Sequence[float], share: float) -> float:
    """The time within which this share of the answers came, in milliseconds."""
    return sorted(times)[min(int(len(times) * share), len(times) - 1)] * 1000


def main(argv: Sequence[str] | None = None) -> int:
    """Load, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--proxy", type=int, required=True)
    parser.add_argument("--origin", required=True)
    parser.add_argument("--ca", required=True)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--kept", action="store_true")
    asked = parser.parse_args(argv)
    trusting = ssl.create_default_context(cafile=asked.ca)
    clients = [Client(asked.proxy, asked.origin, trusting, asked.kept) for _ in range(CLIENTS)]
    began = monotonic()
    threads = [threading.Thread(target=each.ask_until, args=(began + asked.seconds,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = monotonic() - began
    times = [time for each in clients for time in each.times]
    if wrong := [sentence for each in clients for sentence in each.wrong] or ["no answer"] * (not times):
        sys.stderr.write(f"{wrong[0]}\n")
        return 1
    measured = Round(len(times), len(times) / took, percentile(times, 0.5), percentile(times, 0.99))
    sys.stdout.write(
        json.dumps({key: getattr(measured, key) for key in ("answers", "rate", "p50_ms", "p99_ms")}) + "\n"
    )
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
