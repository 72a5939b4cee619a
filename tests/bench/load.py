"""What benchmarks of running proxies share: an origin (nginx), load (wrk), and what a process costs the machine.

Both programs come from Debian. All of it stays on loopback.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import time
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.commands import accepts, free_port

if TYPE_CHECKING:
    from collections.abc import Iterator

CONNECTIONS: Final = 32
"""Clients that ask at once, each on a connection that it keeps."""

_PATHS: Final = f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"
_PAGES: Final = """
daemon off; worker_processes 1; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/plain;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  {tls}
  server {{ listen 127.0.0.1:{port}{ssl}; {fields} return 200 "hello from the origin\n"; }}
}}
"""
_RATE: Final = re.compile(r"Requests/sec:\s+([0-9.]+)")
_COUNT: Final = re.compile(r"([0-9]+) requests in")
_PERCENTILE: Final = re.compile(r"^\s+(50|99)%\s+([0-9.]+)(us|ms|s|m) *$", re.MULTILINE)
_WRONG: Final = re.compile(r"(Socket errors: .*|Non-2xx or 3xx responses: .*)")
_MILLISECONDS: Final = {"us": 1e-3, "ms": 1.0, "s": 1e3, "m": 6e4}
_PATIENCE: Final = 120.0
"""Seconds in which a server has to listen: others may be started beside it."""
_TICK: Final = 1 / os.sysconf("SC_CLK_TCK")


class Wrong(Exception):  # noqa: N818 - it says what the answers are
    """What came back was not what a round measures: errors, or answers other than 2xx."""


def missing(*more: str) -> str | None:
    """Which of nginx, wrk and these programs are not here, and how to get them; None if all are."""
    absent = [name for name in ("nginx", "wrk", *more) if program(name) is None]
    return f"install the Debian package of: {', '.join(absent)} (`make test-deps` does)" if absent else None


def program(name: str) -> str | None:
    """Where a program is; Debian keeps servers outside of a user's PATH."""
    return shutil.which(name, path=_PATHS)


@contextmanager
def origin(folder: Path, *, lasting: bool = False) -> Iterator[int]:
    """An nginx with one small page within this block; gives its port. `lasting`: a cache may keep it for an hour."""
    folder.mkdir()
    with _pages(folder, fields='add_header Cache-Control "max-age=3600";' if lasting else "") as port:
        yield port


@contextmanager
def secure_origin(folder: Path, identity: bytes) -> Iterator[int]:
    """The same over TLS, with this key and certificate (PEM)."""
    folder.mkdir()
    (folder / "identity.pem").write_bytes(identity)
    with _pages(folder, tls="ssl_certificate identity.pem; ssl_certificate_key identity.pem;", ssl=" ssl") as port:
        yield port


@contextmanager
def _pages(folder: Path, tls: str = "", ssl: str = "", fields: str = "") -> Iterator[int]:
    port = free_port()
    (folder / "nginx.conf").write_text(_PAGES.format(port=port, tls=tls, ssl=ssl, fields=fields), encoding="utf-8")
    with serving([str(program("nginx")), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"], port):
        yield port


@contextmanager
def serving(command: list[str], port: int) -> Iterator[int]:
    """Run a server within this block, from the moment at which it listens; gives its process id."""
    with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL) as process:
        try:
            give_up = time.monotonic() + _PATIENCE
            while not accepts(port) and process.poll() is None:
                assert time.monotonic() < give_up, f"{Path(command[0]).name} does not listen"
                time.sleep(0.05)
            assert process.poll() is None, f"{Path(command[0]).name} did not start"
            yield process.pid
        finally:
            process.terminate()


@dataclass(frozen=True, slots=True)
class Round:
    """What one round of load measured: answers in all and per second, latencies in milliseconds."""

    answers: int
    rate: float
    p50_ms: float
    p99_ms: float


def load(port: int, seconds: int, connections: int = CONNECTIONS) -> Round:
    """Ask for one page again and again. Raises Wrong if an answer is missing or is not 2xx."""
    command = [
        str(program("wrk")),
        "-t1",
        f"-c{connections}",
        f"-d{seconds}s",
        "--latency",
        f"http://127.0.0.1:{port}/",
    ]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return read(done.stdout)


def read(report: str) -> Round:
    """What wrk said."""
    if found := _WRONG.search(report):
        raise Wrong(found[0])
    rate, count = _RATE.search(report), _COUNT.search(report)
    percentiles = {share: float(value) * _MILLISECONDS[unit] for share, value, unit in _PERCENTILE.findall(report)}
    if rate is None or count is None or len(percentiles) < len(("50", "99")):
        raise Wrong(f"wrk says something unknown: {report}")
    return Round(int(count[1]), float(rate[1]), percentiles["50"], percentiles["99"])


def cpu_seconds(pid: int, task: str = "") -> float:
    """Processor time that a process, or this task of it, has used, in seconds, its system calls included."""
    fields = Path(f"/proc/{pid}/{task}stat").read_text(encoding="ascii").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def aside_seconds(pid: int) -> float:
    """Processor time that all threads of a process but its first have used, in seconds."""
    return cpu_seconds(pid) - cpu_seconds(pid, f"task/{pid}/")


def resident_mb(pid: int) -> float:
    """Memory that a process occupies, in megabytes."""
    return int(Path(f"/proc/{pid}/statm").read_text(encoding="ascii").split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
