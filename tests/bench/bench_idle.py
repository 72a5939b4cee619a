"""What connections weigh on which nothing is asked: clients that keep theirs open after an answer, up to 10,000.

    python -m tests.bench.bench_idle [--connections N] [--json] [--check]

Of three kinds, each to a gateway of its own: clients of a reverse listener and of a forward proxy that have had an
answer to one request, and clients that have said nothing yet. The gateway is told to wait for them. The table shows its
memory before and with them, and bytes a connection. `--check` exits with 1 if it has more than 400 MB with them.
"""

from __future__ import annotations

import argparse
import json
import resource
import socket
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.bench.load import resident_mb, serving
from tests.e2e.commands import COMMAND, free_port, until
from tests.e2e.staffed import open_files

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MOST_MB: Final = 400.0
"""Of the gateway, with all connections."""

_FILES_BESIDE: Final = 1000
"""Files that a process needs beside its connections."""
_SOURCES: Final = 5_000
"""Connections of one address of a client: it has some 28,000 ports."""
_POLICY: Final = "version: 1\nname: idle\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"
_PATIENCE: Final = "1h"
_KEPT: Final = {"forward": "http://127.0.0.1:{port}/", "reverse": "/"}
KINDS: Final = (*_KEPT, "silent")


@dataclass(frozen=True, slots=True)
class Weighed:
    """Memory of the gateway in megabytes, without and with so many connections."""

    connections: int
    before_mb: float
    with_mb: float

    @property
    def kilobytes(self) -> float:
        """Of one connection."""
        return round((self.with_mb - self.before_mb) * 1e3 / self.connections, 1)


def measure(connections: int) -> dict[str, Weighed]:
    """Hold so many connections of every kind, one kind after the other. Raises the bound of open files for that."""
    _allow_files(2 * connections + _FILES_BESIDE)
    behind = free_port()
    with (
        tempfile.TemporaryDirectory() as name,
        serving([sys.executable, "-m", "tests.bench.patient", str(behind)], behind),
    ):
        return {kind: _weighed(Path(name), behind, kind, connections) for kind in KINDS}


def _allow_files(wanted: int) -> None:
    """So many for this process and those that it starts: a client of a proxy keeps a connection to its server, too."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), max(hard, wanted)))
    except ValueError:
        raise SystemExit(
            f"{wanted} open files are needed, {hard} are allowed: raise `ulimit -Hn`, or hold fewer"
        ) from None


def _weighed(folder: Path, behind: int, kind: str, connections: int) -> Weighed:
    port = free_port()
    command = [COMMAND, "run", "--config", str(_configured(folder, behind, kind, port, connections))]
    with serving(command, port) as process, ExitStack() as held:
        _connected(held, port, _request(kind, behind), 0)
        before = resident_mb(process)
        for number in range(connections):
            _connected(held, port, _request(kind, behind), number)
        until(lambda: open_files(process) > connections, "not all connections were accepted")
        return Weighed(connections, round(before, 1), round(resident_mb(process), 1))


def _configured(folder: Path, behind: int, kind: str, port: int, connections: int) -> Path:
    mode = "forward" if kind == "forward" else "reverse"
    policy, configuration = folder / "idle.yaml", folder / f"{kind}.json"
    policy.write_text(_POLICY, encoding="utf-8")
    listener: dict[str, object] = {"name": "idle", "mode": mode, "bind": f"127.0.0.1:{port}", "policy": str(policy)}
    if mode == "reverse":
        listener["routes"] = [{"upstream": "app"}]
    limits = {"connections": 2 * connections, "connections_per_client": 2 * connections}
    waits = {"keep_alive": _PATIENCE, "head_timeout": _PATIENCE}
    settings = {"version": 1, "state": str(folder / f"state-{kind}"), "listeners": [listener], "limits": limits | waits}
    if mode == "reverse":
        settings["upstreams"] = {"app": {"servers": [{"url": f"http://127.0.0.1:{behind}"}]}}
    configuration.write_text(json.dumps(settings), encoding="utf-8")
    return configuration


def _request(kind: str, behind: int) -> bytes:
    if kind not in _KEPT:
        return b""
    return f"GET {_KEPT[kind].format(port=behind)} HTTP/1.1\r\nHost: 127.0.0.1:{behind}\r\n\r\n".encode()


def _connected(held: ExitStack, port: int, request: bytes, number: int) -> None:
    """A connection that stays open, with an answer to its request behind it."""
    client = held.enter_context(socket.socket())
    client.setsockopt(socket.IPPROTO_IP, socket.IP_BIND_ADDRESS_NO_PORT, 1)
    client.bind((f"127.0.1.{1 + number // _SOURCES}", 0))
    client.connect(("127.0.0.1", port))
    if not request:
        return
    client.sendall(request)
    answer = client.recv(65536)
    if not answer.startswith(b"HTTP/1.1 200"):
        raise SystemExit(f"a client was answered {answer[:200]!r}")


def table(result: Mapping[str, Weighed]) -> str:
    """The result in Markdown."""
    rows = [
        f"| {kind} | {each.connections:,} | {each.before_mb:.0f} | {each.with_mb:.0f} | {each.kilobytes:.1f} |"
        for kind, each in result.items()
    ]
    return "\n".join(["| | connections | before, MB | with them, MB | kB each |", "|---|---|---|---|---|", *rows])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--connections", type=int, default=10_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    result = measure(asked.connections)
    text = {kind: {**asdict(each), "kilobytes": each.kilobytes} for kind, each in result.items()}
    sys.stdout.write((json.dumps(text) if asked.json else table(result)) + "\n")
    above = [kind for kind, each in result.items() if each.with_mb > MOST_MB]
    if asked.check and above:
        sys.stderr.write(f"more than {MOST_MB:.0f} MB: {', '.join(above)}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
