"""A proxy of another make: Squid, on ports of loopback, that knows who may pass and writes down what it was asked."""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.commands import PATIENCE, accepts, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator

USER: Final = "wicketgate:hunter2"
"""Who may pass."""

_CONFIGURATION: Final = """
http_port 127.0.0.1:{plain}
{over_tls}
hosts_file {folder}/hosts
visible_hostname squid.example
auth_param basic program /bin/sh {folder}/who.sh
acl known proxy_auth REQUIRED
acl closed dstdomain closed.example
http_access deny closed
http_access allow known
http_access deny all
cache deny all
cache_mem 8 MB
pid_filename none
coredump_dir {folder}
access_log stdio:{folder}/access.log
cache_log {folder}/cache.log
shutdown_lifetime 0 seconds
"""
_WHO: Final = 'while read -r user password; do [ "$user:$password" = "{user}" ] && echo OK || echo ERR; done\n'


@dataclass(frozen=True, slots=True)
class Squid:
    """Squid as it runs: its port for plain connections and the one for TLS, and its folder."""

    plain: int
    over_tls: int
    folder: Path

    def asked(self) -> str:
        """What Squid was asked, one request a line."""
        log = self.folder / "access.log"
        return log.read_text("utf-8") if log.exists() else ""


def program() -> str | None:
    """Where Squid is, or None."""
    return shutil.which("squid", path="/usr/sbin:/usr/bin:/usr/local/sbin")


@contextmanager
def squid(certificate: Path) -> Iterator[Squid]:
    """Run Squid within this block, with a certificate and its key; names under `.example` are loopback for it."""
    found = program()
    assert found is not None
    plain, over_tls = free_port(), free_port()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o777)  # Squid gives root up, and is somebody else then
        shutil.copy(certificate, folder / "server.pem")
        hosts = "origin.example other.example x.many.example closed.example"
        (folder / "hosts").write_text(f"127.0.0.1 {hosts}\n", "utf-8")
        (folder / "who.sh").write_text(_WHO.format(user=USER), "utf-8")
        secure = f"https_port 127.0.0.1:{over_tls} tls-cert={folder}/server.pem"
        text = _CONFIGURATION.format(plain=plain, over_tls=secure, folder=folder)
        (folder / "squid.conf").write_text(text, "utf-8")
        process = subprocess.Popen(
            [found, "-N", "-f", str(folder / "squid.conf")], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            until(lambda: accepts(plain) and accepts(over_tls), "squid never listened")
            yield Squid(plain, over_tls, folder)
        finally:
            process.terminate()
            process.wait(PATIENCE)
