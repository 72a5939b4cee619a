"""Where servers of the matrix stand: the origins behind all of them, and the target that each of them is."""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from tests.bench.load import program, serving
from tests.bench.matrix.known import BIG, HOST
from tests.e2e.certificates import Certified, Wish, authority
from tests.e2e.commands import free_port

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_PAGES: Final = """
daemon off; master_process off; worker_processes 1; worker_rlimit_nofile 16384; pid nginx.pid; error_log stderr crit;
events {{ worker_connections 16384; }}
http {{
  access_log off; keepalive_requests 100000000; keepalive_timeout 600s; default_type text/plain; sendfile on;
  client_body_temp_path body; proxy_temp_path proxy;
  fastcgi_temp_path fastcgi; uwsgi_temp_path uwsgi; scgi_temp_path scgi;
  ssl_certificate identity.pem; ssl_certificate_key identity.pem;
  server {{
    listen 127.0.0.1:{plain} backlog=4096; listen 127.0.0.1:{secure} ssl http2 backlog=4096;
    location / {{ add_header Cache-Control "max-age=3600"; return 200 "hello from the origin\\n"; }}
    location /big {{ root {folder}; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Ends:
    """The ports of the origins: pages, the same over TLS, one that pours bytes, one that speaks on and on.

    `root` vouches for `identity`, which is key and certificate of whoever serves TLS; `maker` (key and certificate) is
    the authority of proxies that inspect and bring none of their own.
    """

    folder: Path
    plain: int
    secure: int
    pour: int
    live: int
    root: Path
    identity: Path
    maker: Certified


@dataclass(frozen=True, slots=True)
class Target:
    """What is loaded: its port, the one in front of what speaks on and on, its process, whom its clients trust.

    Without a process nothing stands between clients and origin. `log` is the folder of an audit log. `closing`: it
    closes every connection behind an answer without saying so.
    """

    port: int
    live: int | None = None
    pid: int | None = None
    authority: Path | None = None
    log: Path | None = None
    closing: bool = False


@dataclass(frozen=True, slots=True)
class Place:
    """Where one subject is started: a folder of its own, what is behind it, and what ends it."""

    folder: Path
    ends: Ends
    running: ExitStack

    def write(self, name: str, text: str) -> Path:
        """A file in the folder."""
        path = self.folder / name
        path.write_text(text, encoding="utf-8")
        return path

    def serve(self, command: list[str], port: int) -> int:
        """Start a server, and give its process once it listens."""
        return self.running.enter_context(serving(command, port))


@contextmanager
def origins(folder: Path) -> Iterator[Ends]:
    """All origins, within this block."""
    plain, secure, pour, live = (free_port() for _ in range(4))
    root = authority("root of a benchmark")
    (folder / "root.pem").write_bytes(root.pem)
    (folder / "identity.pem").touch(0o600)
    (folder / "identity.pem").write_bytes(root.signs(Wish(names=(HOST, "127.0.0.1"))).whole)
    (folder / "nginx.conf").write_text(_PAGES.format(plain=plain, secure=secure, folder=folder), encoding="utf-8")
    with (folder / "big").open("wb") as file:
        file.truncate(BIG)
    pages = [str(program("nginx")), "-p", f"{folder}/", "-c", "nginx.conf", "-e", "stderr"]
    with ExitStack() as running:
        running.enter_context(serving(pages, plain))
        for module, port in (("tests.bench.tunnels", pour), ("tests.bench.matrix.live", live)):
            running.enter_context(serving([sys.executable, "-m", module, str(port)], port))
        maker = authority("maker of certificates")
        yield Ends(folder, plain, secure, pour, live, folder / "root.pem", folder / "identity.pem", maker)
