"""Who stands behind the reverse gateway: servers in processes of their own, and one that remembers every byte.

Each of them can be asked, past the gateway, what has arrived: the gateway's word is not needed for it.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from tests.conformance import application
from tests.e2e.commands import PATIENCE, accepts, free_port, until
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    from collections.abc import Iterator

MARKER: Final = "/marker/"
"""How the targets of requests begin that only find out whether the answers are still their own."""

_MARKERS: Final = re.compile(rb"GET /marker/\d+ HTTP/1\.1\r\n.*?\r\n\r\n", re.DOTALL)
_ROOT: Final = Path(__file__).parents[2]
_NGINX: Final = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  log_format seen escape=none '$request\\t$uri\\t$http_host';
  access_log {folder}/access.log seen;
  client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port};
    location = /admin {{ return 200 'page=admin uri=$uri target=$request_uri\\n'; }}
    location /admin/ {{ return 200 'page=admin uri=$uri target=$request_uri\\n'; }}
    location / {{ return 200 'page=rest uri=$uri target=$request_uri\\n'; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Seen:
    """A request as it arrived: its request line, everything that is known of it, and the page that was taken."""

    line: str
    text: str
    page: str


class Backend(Protocol):
    """Somebody behind the gateway. `seen` are the requests that arrived since it was last asked."""

    port: int

    def seen(self) -> list[Seen]:
        """What arrived since, in order."""


@dataclass(slots=True)
class Application:
    """FastAPI on uvicorn with one of its two parsers."""

    port: int

    def seen(self) -> list[Seen]:
        """What the application itself has noted."""
        with connect(self.port) as wire:
            answer = wire.ask(get(application.SEEN, "localhost", "Connection: close"))
        return [Seen(**each) for each in application.read(answer.body)]


@dataclass(slots=True)
class Nginx:
    """nginx, by its access log."""

    port: int
    log: Path
    _read: int = 0
    _asked: int = 0

    def seen(self) -> list[Seen]:
        """What was logged. A request of our own comes last: what it finds logged is all there is."""
        self._asked += 1
        sync = f"GET /-/sync/{self._asked} HTTP/1.1"
        with connect(self.port) as wire:
            wire.ask(get(f"/-/sync/{self._asked}", "localhost", "Connection: close"))
        until(lambda: f"{sync}\t" in self._fresh(), "nginx never logged a request")
        text = self._fresh()
        self._read += len(text.encode("latin-1"))
        lines = [line for line in text.splitlines() if not line.startswith(sync)]
        return [_logged(line) for line in lines]

    def _fresh(self) -> str:
        with self.log.open("rb") as file:
            file.seek(self._read)
            return file.read().decode("latin-1")


def _logged(line: str) -> Seen:
    request, uri, _host = line.split("\t")
    return Seen(request, line, application.ADMIN if f"{uri}/".startswith("/admin/") else "rest")


@dataclass(slots=True)
class Recorder:
    """An origin that takes down every byte, and answers as a row says."""

    origin: RecordingOrigin
    answer: bytes | None = None
    closes: bool = False
    port: int = field(init=False)

    def __post_init__(self) -> None:
        self.port = self.origin.port
        self.origin.answering = self._answering

    def _answering(self, head: bytes) -> tuple[bytes, bool]:
        target = head.split(b" ", 2)[1]
        if self.answer is not None and not target.startswith(MARKER.encode()):
            return self.answer, self.closes
        body = target if target.startswith(MARKER.encode()) else BODY
        answer = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(body)
        return answer + (b"" if head.startswith(b"HEAD ") else body), False

    @property
    def received(self) -> bytes:
        """Every byte that arrived but those of markers."""
        return _MARKERS.sub(b"", self.origin.received)

    def seen(self) -> list[Seen]:
        """What arrived whole; everything that arrived is `received`."""
        heads = [request.decode("latin-1") for request in self.origin.requests]
        return [Seen(head.split("\r\n")[0], head, "rest") for head in heads]


@contextmanager
def backends(folder: Path) -> Iterator[dict[str, Backend]]:
    """All of them, by name, within this block; they start at the same time."""
    with ExitStack() as stack:
        recorder = Recorder(stack.enter_context(RecordingOrigin()))
        logged = folder / "nginx"
        logged.mkdir()
        found: dict[str, Backend] = {
            "recorder": recorder,
            "httptools": Application(free_port()),
            "h11": Application(free_port()),
            "nginx": Nginx(free_port(), logged / "access.log"),
        }
        commands = {
            **{parser: _uvicorn(parser, found[parser].port) for parser in ("httptools", "h11")},
            "nginx": _nginx(logged, found["nginx"].port),
        }
        processes = {name: stack.enter_context(_process(command)) for name, command in commands.items()}
        for name, process in processes.items():
            _wait_for(name, process, found[name].port)
        yield found


def _uvicorn(parser: str, port: int) -> list[str]:
    """The application with uvicorn's default settings but for the parser."""
    return [sys.executable, "-m", "tests.conformance.application", parser, str(port)]


def _nginx(folder: Path, port: int) -> list[str]:
    program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin")
    assert program is not None, "nginx is missing: `make test-deps` installs it"
    settings = folder / "nginx.conf"
    settings.write_text(_NGINX.format(folder=folder, port=port), encoding="utf-8")
    return [program, "-p", str(folder), "-e", str(folder / "error.log"), "-c", str(settings)]


@contextmanager
def _process(command: list[str]) -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen(command, cwd=_ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()
            try:
                process.wait(PATIENCE / 10)
            except subprocess.TimeoutExpired:
                process.kill()


def _wait_for(name: str, process: subprocess.Popen[bytes], port: int) -> None:
    until(lambda: accepts(port) or process.poll() is not None, f"{name} never listened")
    assert process.poll() is None, f"{name} ended at once"
