"""HTTP/2 by h2load: streams side by side on a few connections with TLS. Latencies come from its log of requests."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Final

from tests.bench.load import Wrong, program
from tests.bench.matrix.cells import Sample, Silent

_PATIENCE: Final = 10.0
_SUCCESS: Final = range(200, 300)
_PROTOCOL: Final = re.compile(r"^Application protocol: (\S+)", re.MULTILINE)


def multiplex(port: int, host: str, seconds: float, connections: int, streams: int) -> Sample:
    """Ask again and again on `connections`, with so many streams on each. Raises Wrong if an answer is no success."""
    with tempfile.TemporaryDirectory() as name:
        log = Path(name) / "requests"
        command = [str(program("h2load")), f"-c{connections}", f"-m{streams}", f"-D{round(seconds * 1000)}ms"]
        command += ["-N10s", f"--log-file={log}", f"--connect-to=127.0.0.1:{port}", f"https://{host}:{port}/"]
        try:
            done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=seconds + _PATIENCE)
        except subprocess.TimeoutExpired:
            raise Silent("h2load had no end") from None
        protocol = _PROTOCOL.search(done.stdout)
        if protocol is None or protocol[1] != "h2":
            raise Wrong(f"no HTTP/2: {(done.stderr or done.stdout).strip()[-200:]}")
        return read(log.read_text(encoding="ascii"), seconds)


def read(log: str, seconds: float) -> Sample:
    """What the log of requests says: when each began, its status, and how many microseconds it took."""
    rows = [line.split() for line in log.splitlines()]
    if wrong := [status for _, status, _ in rows if int(status) not in _SUCCESS]:
        raise Wrong(f"{len(wrong)} of {len(rows)} answers are not 2xx, but {wrong[0]}")
    return Sample.of_times([int(took) / 1e6 for _, _, took in rows], seconds, len(rows))
