"""What a spliced tunnel costs, against a tunnel of mitmproxy's own `mitmdump` to an ignored host.

    python -m tests.bench.bench_splice [--rounds N] [--megabytes N] [--seconds N] [--idle N] [--json] [--check]

Both proxies reach the same origin, in the same run, and are loaded in turns; the table shows medians. The gateway
judges every tunnel under a policy and writes it down, and the run fails if one is missing in its log; mitmdump has its
own defaults, ignores every host and prints nothing (`-q`). `direct` is the load without anything between.
`--check` exits with 1 if the gateway's tunnel is not at least twice as fast as mitmdump's, costs more than half the
processor time for a megabyte, or if idle tunnels occupy more memory than is promised.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any, Final

from gateway.audit.reading.reader import records
from tests.bench.load import Wrong, cpu_seconds, resident_mb, serving
from tests.bench.tunnels import open_tunnel, pull, tunnels_in
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FASTER: Final = 2.0
"""How many times as many bytes per second the gateway passes on, at least."""
CHEAPER: Final = 0.5
"""How much of mitmdump's processor time it needs for a megabyte, at most."""
RESIDENT: Final = 300.0
"""Megabytes that the process with all idle tunnels occupies, at most."""

_MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))
_POLICY: Final = """\
version: 1
name: tunnels
default: {{action: allow}}
unsafe_destinations: [127.0.0.0/8]
connect_ports: [{port}]
tls: {{inspect: none}}
"""


@dataclass(slots=True)
class Subject:
    """What is loaded: the port of a proxy and its process, or neither, and what was measured so far."""

    port: int | None = None
    pid: int | None = None
    tunnels: int = 0
    mb_per_s: list[float] = field(default_factory=list)
    ms_per_mb: list[float] = field(default_factory=list)
    per_s: list[float] = field(default_factory=list)
    resident: float | None = None

    def spent(self) -> float:
        """Processor seconds that the proxy has used."""
        return 0.0 if self.pid is None else cpu_seconds(self.pid)


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of one subject: bytes in millions, processor time in milliseconds, memory with every idle tunnel open."""

    mb_per_s: float
    cpu_ms_per_mb: float | None
    tunnels_per_s: float
    idle_mb: float | None


@dataclass(frozen=True, slots=True)
class Load:
    """How much is asked of every subject."""

    rounds: int = 5
    megabytes: int = 1000
    seconds: float = 2.0
    idle: int = 2000


def compare(load: Load) -> dict[str, Measured]:
    """Load the gateway, mitmdump and the bare origin in turns."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder, behind = Path(name), free_port()
        running.enter_context(serving([sys.executable, "-m", "tests.bench.tunnels", str(behind)], behind))
        subjects = {
            "wicketgate": _gateway(folder, behind, running),
            "mitmdump": _mitmdump(folder, running),
            "direct": Subject(),
        }
        for _ in range(load.rounds):
            for subject in subjects.values():
                _pull(subject, behind, load.megabytes)
                _count(subject, behind, load.seconds)
        for subject in subjects.values():
            _stay(subject, behind, load.idle)
        running.close()
        _see_the_log(folder, subjects["wicketgate"].tunnels)
    return {name: _medians(subject) for name, subject in subjects.items()}


def _gateway(folder: Path, behind: int, running: ExitStack) -> Subject:
    port = free_port()
    (folder / "policy.yaml").write_text(_POLICY.format(port=behind), encoding="utf-8")
    listener = {"name": "egress", "mode": "forward", "bind": f"127.0.0.1:{port}", "policy": "policy.yaml"}
    limits = {"connections": 10_000, "connections_per_client": 10_000}
    settings = {"version": 1, "state": "state", "listeners": [listener], "limits": limits}
    config = folder / "wicketgate.yaml"
    config.write_text(json.dumps(settings), encoding="utf-8")
    return Subject(port, running.enter_context(serving([COMMAND, "run", "--config", str(config)], port)))


def _mitmdump(folder: Path, running: ExitStack) -> Subject:
    port = free_port()
    command = [_MITMDUMP, "-q", "--listen-host", "127.0.0.1", "--listen-port", str(port)]
    command += ["--set", f"confdir={folder / 'mitmproxy'}", "--ignore-hosts", ".*"]
    return Subject(port, running.enter_context(serving(command, port)))


def _pull(subject: Subject, behind: int, megabytes: int) -> None:
    with open_tunnel(subject.port, behind) as tunnel:
        pull(tunnel, max(1, megabytes // 20))
        before = subject.spent()
        seconds = pull(tunnel, megabytes)
        subject.ms_per_mb.append((subject.spent() - before) * 1000 / megabytes)
    subject.mb_per_s.append(megabytes / seconds)
    subject.tunnels += 1


def _count(subject: Subject, behind: int, seconds: float) -> None:
    times, took = tunnels_in(subject.port, behind, seconds)
    subject.per_s.append(len(times) / took)
    subject.tunnels += len(times)


def _stay(subject: Subject, behind: int, idle: int) -> None:
    """Open many tunnels, let each of them carry its first bytes, and see what the proxy occupies meanwhile."""
    if subject.pid is None:
        return
    with ExitStack() as opened:
        for _ in range(idle):
            opened.enter_context(open_tunnel(subject.port, behind))
        subject.resident = resident_mb(subject.pid)
    subject.tunnels += idle


def _see_the_log(folder: Path, tunnels: int) -> None:
    """Fail if the gateway passed on more tunnels than it wrote down decisions."""
    written = sum(record.get("event") == "decision" for record in records(folder / "state" / "audit"))
    if written < tunnels:
        raise Wrong(f"{tunnels} tunnels were opened and {written} decisions written down")


def _medians(subject: Subject) -> Measured:
    return Measured(
        mb_per_s=round(median(subject.mb_per_s), 1),
        cpu_ms_per_mb=None if subject.pid is None else round(median(subject.ms_per_mb), 3),
        tunnels_per_s=round(median(subject.per_s), 1),
        idle_mb=None if subject.resident is None else round(subject.resident, 1),
    )


def ratios(result: Mapping[str, Measured]) -> dict[str, float]:
    """The gateway against mitmdump: bytes per second, processor time, tunnels per second; and its megabytes."""
    ours, theirs = result["wicketgate"], result["mitmdump"]
    return {
        "faster": round(ours.mb_per_s / theirs.mb_per_s, 2),
        "cpu": round((ours.cpu_ms_per_mb or 0.0) / (theirs.cpu_ms_per_mb or 1.0), 2),
        "tunnels": round(ours.tunnels_per_s / theirs.tunnels_per_s, 2),
        "idle_mb": ours.idle_mb or 0.0,
    }


def broken(found: Mapping[str, float]) -> list[str]:
    """The promises that these ratios break."""
    wrong = []
    if found["faster"] < FASTER:
        wrong.append(f"{found['faster']} times as fast as mitmdump, {FASTER} is promised")
    if found["cpu"] > CHEAPER:
        wrong.append(f"{found['cpu']} of mitmdump's processor time, {CHEAPER} is promised")
    if found["idle_mb"] > RESIDENT:
        wrong.append(f"idle tunnels take {found['idle_mb']} MB, {RESIDENT:.0f} are promised")
    return wrong


def table(result: Mapping[str, Measured]) -> str:
    """The result in Markdown."""
    lines = ["| | MB/s | CPU ms/MB | tunnels/s | MB with idle tunnels |", "|---|---|---|---|---|"]
    for name, each in result.items():
        cpu = "" if each.cpu_ms_per_mb is None else f"{each.cpu_ms_per_mb:.2f}"
        idle = "" if each.idle_mb is None else f"{each.idle_mb:.0f}"
        lines.append(f"| {name} | {each.mb_per_s:,.0f} | {cpu} | {each.tunnels_per_s:,.0f} | {idle} |")
    found = ratios(result)
    said = f"faster {found['faster']:.2f}, processor time {found['cpu']:.2f}, tunnels per second {found['tunnels']:.2f}"
    return "\n".join([*lines, "", f"wicketgate / mitmdump: {said}"])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    stock: dict[str, Any] = asdict(Load())
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, value in stock.items():
        parser.add_argument(f"--{name}", type=type(value), default=value)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    result = compare(Load(**{name: getattr(asked, name) for name in stock}))
    text = {name: asdict(each) for name, each in result.items()}
    sys.stdout.write((json.dumps({**text, "ratios": ratios(result)}) if asked.json else table(result)) + "\n")
    wrong = broken(ratios(result)) if asked.check else []
    for each in wrong:
        sys.stderr.write(f"{each}\n")
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
