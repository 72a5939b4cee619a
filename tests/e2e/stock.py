"""A stock mitmdump of this environment that loads our script, as its user runs it."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from tests.e2e.commands import PATIENCE, STARTING, Running, free_port, until
from tests.e2e.origin import stranger
from tests.e2e.trail import Record, check_trail, read_log
from tests.e2e.wire import Wire, connect
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))
SCRIPT: Final = ROOT / "addons" / "standalone.py"


@dataclass(slots=True)
class Stock:
    """A mitmdump that runs. `answered` collects the decision ids that clients were told."""

    process: Running
    folder: Path
    port: int
    answered: list[str] = field(default_factory=list)

    def through(self) -> Wire:
        """A connection to the proxy, from an address of its own."""
        return connect(self.port, source=stranger())

    def record(self, wire: Wire, event: str = "decision") -> Record:
        """The last record of an event on a connection, as soon as there is one; ends are found by their decisions."""
        address, found = wire.socket.getsockname()[0], list[Record]()

        def there() -> bool:
            records = self.records()
            ids = {each["id"] for each in records if each["event"] == "decision" and each["client"]["ip"] == address}
            found[:] = [each for each in records if each["event"] == event and each["id"] in ids]
            return bool(found)

        until(there, f"no {event} record of the client at {address}")
        return found[-1]

    def records(self) -> list[Record]:
        """What is in the log now."""
        return read_log(self.folder / "state" / "audit")

    def refusal(self, request: bytes) -> tuple[int, str, str | None]:
        """Status, reason and rule of the refusal of one request on a connection of its own, checked with the log."""
        with self.through() as wire:
            answer = wire.ask(request)
            decided = self.record(wire)
        self.answered.append(answer.decision)
        decision = decided["decision"]
        assert decided["id"] == answer.decision
        assert (decision["status"], decision["reason"], decision["rule"]) == answer.verdict
        return answer.verdict


def command(folder: Path, port: int, *options: str, script: Path = SCRIPT) -> list[str]:
    """How mitmdump is started on a policy and a state folder in `folder`."""
    own = {"confdir": "conf", "wicketgate_policy": "policy.yaml", "wicketgate_state": "state"}
    settings = [text for name, value in own.items() for text in ("--set", f"{name}={folder / value}")]
    listen = ("--listen-host", "127.0.0.1", "--listen-port", str(port))
    return [MITMDUMP, "-s", os.path.relpath(script, folder), *listen, *settings, *options]


def ended(folder: Path, *options: str, environment: Mapping[str, str] | None = None) -> tuple[int, str]:
    """Start a mitmdump that is not to run: the code with which it ended, and what it said of it."""
    done = subprocess.run(
        command(folder, free_port(), *options),
        cwd=folder,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        timeout=2 * PATIENCE,
        env={**os.environ, **(environment or {})},
    )
    return done.returncode, done.stderr


@contextmanager
def stock(
    folder: Path,
    policy: str,
    *,
    script: Path = SCRIPT,
    environment: Mapping[str, str] | None = None,
    code: int = 0,
) -> Iterator[Stock]:
    """Run mitmdump within this block, from the moment at which it judges; its log is checked if it ended well."""
    (folder / "policy.yaml").write_text(policy, encoding="utf-8")
    port = free_port()
    with subprocess.Popen(
        command(folder, port, script=script),
        cwd=folder,
        text=True,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**os.environ, "PYTHONUNBUFFERED": "1", **(environment or {})},
    ) as process:
        running = Running(process)
        reader = threading.Thread(target=_read, args=(process, running.out), daemon=True)
        reader.start()
        started = Stock(running, folder, port)
        try:
            running.wait_for("wicketgate: ready: ", running.out, STARTING)
            yield started
        finally:
            ended_with = running.end()
            reader.join(PATIENCE)
    assert ended_with == code, "".join(running.out)
    if code == 0:
        check_trail(folder / "state", started.answered)


def _read(process: subprocess.Popen[str], lines: list[str]) -> None:
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)  # noqa: PERF402 - each line is there for others as soon as it came
