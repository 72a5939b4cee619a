"""HTTP/1 by wrk: for any time, through a proxy or to a server, with latencies up to that of 999 in 1,000.

wrk takes whole seconds alone, so it is told to stop (SIGINT), and then says what it saw.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.bench.load import Wrong, program
from tests.bench.matrix.cells import Sample, Silent

_SCRIPT: Final = Path(__file__).with_name("asking.lua")
_SAID: Final = re.compile(r"^asked (.*)$", re.MULTILINE)
_PATIENCE: Final = 30.0
_AGAIN: Final = 1.0
_READS: Final = "reads failed"
_TROUBLES: Final = ("connections failed", _READS, "writes failed", "timed out")


@dataclass(frozen=True, slots=True)
class Asking:
    """What is asked of a port: a target as it stands in the request line, the host, and by how many connections.

    `close`: a connection for every request. `delay_ms`: how long each connection waits in the middle before it asks
    again. `refused`: every answer has to be a refusal instead of a success. `closing`: the server closes connections
    without having said so, which is no failure to read then.
    """

    port: int
    target: str
    host: str
    connections: int
    close: bool = False
    delay_ms: float = 0.0
    refused: bool = False
    closing: bool = False


def ask(asking: Asking, seconds: float) -> Sample:
    """Ask again and again. Raises Wrong if an answer is missing, or is not what it has to be."""
    environment = {
        **os.environ,
        "ASK_TARGET": asking.target,
        "ASK_HOST": asking.host,
        "ASK_CLOSE": "1" if asking.close else "0",
        "ASK_DELAY_MS": str(asking.delay_ms),
    }
    command = [str(program("wrk")), "-t1", f"-c{asking.connections}", "-d1h", f"--timeout={_PATIENCE:.0f}s"]
    command += ["-s", str(_SCRIPT), f"http://127.0.0.1:{asking.port}/"]
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        try:
            time.sleep(seconds)
            said = _stopped(process)
        finally:
            process.kill()
    return read(said, refused=asking.refused, closing=asking.closing)


def _stopped(process: subprocess.Popen[str]) -> str:
    """Tell wrk to stop until it does: told before it began to wait, it would wait nevertheless."""
    give_up = time.monotonic() + _PATIENCE
    while time.monotonic() < give_up:
        process.send_signal(signal.SIGINT)
        with suppress(subprocess.TimeoutExpired):
            return process.communicate(timeout=_AGAIN)[0]
    raise Wrong("wrk does not stop")


def read(said: str, *, refused: bool = False, closing: bool = False) -> Sample:
    """What wrk said."""
    if not (found := _SAID.search(said)):
        raise Wrong(f"wrk says something unknown: {said.strip()[-200:]}")
    count, microseconds, p50, p99, p999, *troubles, refusals = map(float, found[1].split())
    if wrong := [
        f"{each:.0f} {what}"
        for each, what in zip(troubles, _TROUBLES, strict=True)
        if each and not (closing and what == _READS)
    ]:
        raise Wrong(", ".join(wrong))
    if refusals != (count if refused else 0):
        raise Wrong(f"{refusals:.0f} of {count:.0f} answers are refusals or errors")
    if not count:
        raise Silent("no answer came")
    return Sample(int(count), microseconds / 1e6, int(count), 0.0, p50 / 1000, p99 / 1000, p999 / 1000)
