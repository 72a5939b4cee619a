"""Load that wrk and h2load cannot make, in a process of its own: tunnels, inspected TLS, WebSockets, events.

    python -m tests.bench.matrix.client WAY --proxy PORT --origin PORT [--ca FILE] --seconds N --clients N

Prints a `Sample` as JSON; `--proxy 0` is without one.
"""

from __future__ import annotations

import argparse
import asyncio
import ssl
import subprocess
import sys
import threading
from time import monotonic, perf_counter
from typing import TYPE_CHECKING, Final

from tests.bench.load import Wrong
from tests.bench.matrix.cells import Sample, Silent
from tests.bench.matrix.known import BIG, HOST
from tests.bench.matrix.live import echoes, events
from tests.bench.tls_load import Client
from tests.bench.tunnels import open_tunnel, pull, tunnels_in

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

_PIECE: Final = 50
"""Megabytes that are asked of a tunnel at one time."""
_PATIENCE: Final = 90.0
_SILENT: Final = 3


def drive(way: str, ports: tuple[int | None, int], ca: Path | None, seconds: float, clients: int) -> Sample:
    """Load from a process of its own, at the ports of a proxy, or None, and of the origin.

    Raises Wrong, with what went wrong there.
    """
    proxy, origin = ports
    command = [sys.executable, "-m", "tests.bench.matrix.client", way, "--proxy", str(proxy or 0)]
    command += ["--origin", str(origin), "--seconds", str(seconds), "--clients", str(clients)]
    command += [] if ca is None else ["--ca", str(ca)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _PATIENCE)
    except subprocess.TimeoutExpired:
        raise Wrong("clients had no end") from None
    if done.returncode == _SILENT:
        raise Silent("no answer came")
    if done.returncode:
        raise Wrong(done.stderr.strip().rpartition("\n")[2] or "clients ended")
    return Sample.said(done.stdout)


def _tunnels(asked: argparse.Namespace) -> Sample:
    times, took = tunnels_in(asked.proxy or None, asked.origin, asked.seconds, asked.clients)
    return Sample.of_times(times, took, len(times))


def _pulled(asked: argparse.Namespace) -> Sample:
    with open_tunnel(asked.proxy or None, asked.origin) as tunnel:
        took, pieces = 0.0, 0
        while took < asked.seconds:
            took += pull(tunnel, _PIECE)
            pieces += 1
    return Sample(pieces, took, 1, float(pieces * _PIECE))


def _tls(asked: argparse.Namespace, *, kept: bool) -> Sample:
    trusting = _trusting(asked.ca)
    clients = [Client(asked.proxy or None, f"{HOST}:{asked.origin}", trusting, kept) for _ in range(asked.clients)]
    began = monotonic()
    threads = [threading.Thread(target=each.ask_until, args=(began + asked.seconds,)) for each in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if wrong := [sentence for each in clients for sentence in each.wrong]:
        raise Wrong(wrong[0])
    times = [time for each in clients for time in each.times]
    return Sample.of_times(times, monotonic() - began, len(times))


def _trusting(authority: str) -> ssl.SSLContext:
    context = ssl.create_default_context(cafile=authority)
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT  # certificates of proxy.py do not name the key of their authority
    return context


def _tls_bytes(asked: argparse.Namespace) -> Sample:
    client = Client(asked.proxy or None, f"{HOST}:{asked.origin}", _trusting(asked.ca), kept=True)
    into, files = bytearray(1 << 18), 0
    with client.connected() as inside:
        began = perf_counter()
        while perf_counter() < began + asked.seconds:
            inside.sendall(f"GET /big HTTP/1.1\r\nHost: {client.origin}\r\n\r\n".encode())
            rest = BIG - len(_head(inside, into))
            while rest > 0:
                if not (read := inside.recv_into(into)):
                    raise Wrong(f"{rest} bytes are missing")
                rest -= read
            files += 1
        return Sample(files, perf_counter() - began, files, files * BIG / 1e6)


def _head(inside: ssl.SSLSocket, into: bytearray) -> bytes:
    """Reads the head of an answer; what came of its body."""
    head, found, body = bytes(into[: inside.recv_into(into)]).partition(b"\r\n\r\n")
    if not found or b" 200 " not in head[:15]:
        raise Wrong(f"the answer is: {head[:60]!r}")
    return body


_WAYS: Final[Mapping[str, Callable[[argparse.Namespace], Sample]]] = {
    "tunnels": _tunnels,
    "pulled": _pulled,
    "tls-new": lambda asked: _tls(asked, kept=False),
    "tls-kept": lambda asked: _tls(asked, kept=True),
    "tls-bytes": _tls_bytes,
    "echoes": lambda asked: asyncio.run(echoes(asked.proxy, asked.seconds, asked.clients)),
    "events": lambda asked: asyncio.run(events(asked.proxy, asked.origin, asked.seconds, asked.clients)),
}


def main(argv: Sequence[str] | None = None) -> int:
    """Load, and print what came of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("way", choices=_WAYS)
    parser.add_argument("--proxy", type=int, required=True)
    parser.add_argument("--origin", type=int, required=True)
    parser.add_argument("--ca")
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--clients", type=int, required=True)
    asked = parser.parse_args(argv)
    try:
        sample = _WAYS[asked.way](asked)
    except Silent:
        return _SILENT
    except (OSError, EOFError, Wrong) as error:
        sys.stderr.write(f"{str(error) or type(error).__name__}\n")
        return 1
    sys.stdout.write(f"{sample.say()}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
