"""Receivers of what the audit log exports, as people run them: rsyslogd, and a web application in uvicorn.

Each is a process that can be killed and started again on the same port, and keeps what it took in a file.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.certificates import Certified, Wish
from tests.e2e.commands import accepts, free_port, until

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

HERE: Final = Path(__file__).parents[2]
_TLS: Final = """
global(defaultNetstreamDriverCAFile="{folder}/ca.pem" defaultNetstreamDriverCertFile="{folder}/cert.pem"
       defaultNetstreamDriverKeyFile="{folder}/key.pem")
module(load="imtcp" streamDriver.name="gtls" streamDriver.mode="1" streamDriver.authMode="anon")
"""
_CONFIGURATION: Final = """
global(workDirectory="{folder}" maxMessageSize="64k")
main_queue(queue.type="direct")
{module}
template(name="taken" type="string"
         string="%STRUCTURED-DATA% %PRI% %TIMESTAMP:::date-rfc3339% %APP-NAME% %MSGID%|%MSG%\\n")
input(type="imtcp" port="{port}" address="127.0.0.1")
action(type="omfile" file="{folder}/taken" template="taken")
"""
_ROW: Final = re.compile(
    r'\[wicketgate@32473 log="(?P<log>\w+)" seq="(?P<seq>\d+)"[^]]*\] \S+ \S+ \S+ \S+\|(?P<text>.*)'
)


@dataclass(slots=True)
class Receiver:
    """A program that listens at a port and writes into the file `taken` of its folder."""

    folder: Path
    port: int
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    _process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Run it, and wait until it accepts."""
        with (self.folder / "errors").open("ab") as errors:
            self._process = subprocess.Popen(
                self.command, cwd=HERE, stdout=errors, stderr=errors, env={**os.environ, **self.environment}
            )
        until(lambda: accepts(self.port), "the receiver never listened")

    def kill(self) -> None:
        """End it as a loss of power would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def lines(self) -> list[str]:
        """What it wrote down, whole lines only."""
        path = self.folder / "taken"
        return path.read_text("utf-8").split("\n")[:-1] if path.exists() else []

    def taken(self) -> list[tuple[str, int, str]]:
        """Log, number and text of every record that it took, as often as it took them."""
        rows = []
        for line in self.lines():
            row = _ROW.fullmatch(line)
            if row is not None:
                rows.append((row["log"], int(row["seq"]), row["text"]))
            elif line.startswith('["'):
                log, seq, text = json.loads(line)
                rows.append((log, seq, text))
        return rows

    def seqs(self) -> set[int]:
        """The numbers that it has."""
        return {seq for _, seq, _ in self.taken()}


@contextmanager
def rsyslog(folder: Path, *, signer: Certified | None = None, name: str = "127.0.0.1") -> Iterator[Receiver]:
    """rsyslogd over TCP; with a `signer` over TLS, with a certificate for `name`. It writes before it reads on."""
    folder.mkdir()
    port, module = free_port(), 'module(load="imtcp")'
    if signer is not None:
        _certify(folder, signer, name)
        module = _TLS.format(folder=folder)
    configuration = folder / "rsyslog.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, module=module, port=port), encoding="utf-8")
    program = shutil.which("rsyslogd", path="/usr/sbin:/usr/bin:/usr/local/sbin") or "rsyslogd"
    yield from _run(Receiver(folder, port, (program, "-n", "-f", str(configuration), "-i", str(folder / "pid"))))


@contextmanager
def web(folder: Path, *, signer: Certified | None = None) -> Iterator[Receiver]:
    """The application of `taking.py`, at `/hook`, `/v1/logs` and `/v1/traces`; with a `signer` over TLS."""
    folder.mkdir()
    port = free_port()
    command: tuple[str, ...] = (
        sys.executable,
        "-m",
        "uvicorn",
        "tests.e2e.taking:app",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
    )
    if signer is not None:
        _certify(folder, signer, "127.0.0.1")
        command = (*command, "--ssl-keyfile", str(folder / "key.pem"), "--ssl-certfile", str(folder / "cert.pem"))
    yield from _run(Receiver(folder, port, command, {"WICKETGATE_TAKEN": str(folder / "taken")}))


def _certify(folder: Path, signer: Certified, name: str) -> None:
    """Write what a server shows for this name, and whom its clients have to believe."""
    shown = signer.signs(Wish(names=(name,)))
    key, _, rest = shown.whole.partition(b"-----BEGIN CERTIFICATE-----")
    (folder / "key.pem").write_bytes(key)
    (folder / "cert.pem").write_bytes(b"-----BEGIN CERTIFICATE-----" + rest)
    (folder / "ca.pem").write_bytes(signer.pem)


def _run(receiver: Receiver) -> Iterator[Receiver]:
    receiver.start()
    try:
        yield receiver
    finally:
        receiver.kill()
