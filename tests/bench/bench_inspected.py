"""What inspecting TLS costs: requests per second through the forward proxy, against mitmproxy's own `mitmdump`.

    python -m tests.bench.bench_inspected [--rounds N] [--seconds N] [--json] [--check]

Both stand between the same clients and the same origin, which speaks TLS, in the same run, and are loaded in turns;
the tables show medians. `new` is a new connection, tunnel and whole handshake on both sides for every request, `kept`
one connection per client. The gateway has the shipped policy `corporate` with every rule and limit of it, but for
the rate per client, which the load would break, and the destination, which is this machine; its audit log is on, and
the run fails if a request is missing in it. mitmdump has its own defaults and prints nothing (`-q`). Both verify the
origin. `--check` exits with 1 if the gateway is not at least twice as fast as mitmdump with new connections.
"""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Final

from gateway.audit.reading.reader import records
from gateway.cli.shipped import shipped_policy
from tests.bench.load import Round, Wrong, cpu_seconds, missing, resident_mb, secure_origin, serving
from tests.bench.tls_load import load_tls
from tests.e2e.certificates import Wish, authority
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

WANTED: Final = 2.0
"""How many times as fast as mitmdump the gateway has to be with new connections."""

HOST: Final = "localhost"
_MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))
_WAYS: Final = {"new": False, "kept": True}


@dataclass(frozen=True, slots=True)
class Subject:
    """A proxy: its port, its process, and the authority that its clients trust."""

    port: int
    pid: int
    authority: Path


@dataclass(frozen=True, slots=True)
class Measured:
    """Medians of the rounds; processor time in microseconds per request, memory behind the last round."""

    rate: float
    p50_ms: float
    p99_ms: float
    cpu_us: float
    resident_mb: float


type Result = dict[str, dict[str, Measured]]
"""By the way of connecting, then by proxy."""


def bench_policy(folder: Path, port: int) -> Path:
    """A copy of the shipped policy `corporate` that lets tunnels lead to this machine, as often as they like."""
    shipped = shipped_policy("corporate")
    shutil.copytree(shipped.with_name("lists"), folder / "lists")
    lines = shipped.read_text(encoding="utf-8").splitlines()
    limits = [index for index, line in enumerate(lines) if "rate:" in line and "client.ip" in line]
    for index in limits:
        lines[index] = "  - {id: per-client, key: [client.ip], rate: 60000000/min, burst: 1000000}"
    policy = folder / "corporate.yaml"
    lines += ["unsafe_destinations: [127.0.0.0/8]", f"connect_ports: [443, {port}]"]
    policy.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return policy


def compare(rounds: int, seconds: int) -> Result:
    """Load the gateway and mitmdump in turns, in both ways."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        root = authority("root of a benchmark")
        (folder / "root.pem").write_bytes(root.pem)
        identity = root.signs(Wish(names=(HOST, "127.0.0.1")))
        behind = running.enter_context(secure_origin(folder / "origin", identity.whole))
        subjects = {"wicketgate": _gateway(folder, behind, running), "mitmdump": _mitmdump(folder, running)}
        result: Result = {}
        answers = 0
        for way, kept in _WAYS.items():
            result[way], given = _measure(subjects, f"{HOST}:{behind}", rounds, seconds, kept=kept)
            answers += given
        running.close()
        _see_the_log(folder, answers)
        return result


def _gateway(folder: Path, behind: int, running: ExitStack) -> Subject:
    port = free_port()
    settings = {
        "version": 1,
        "state": "state",
        "listeners": [
            {
                "name": "egress",
                "mode": "forward",
                "bind": f"127.0.0.1:{port}",
                "policy": str(bench_policy(folder, behind)),
            }
        ],
        "resolver": {"hosts": {HOST: ["127.0.0.1"]}},
        "upstream_tls": {"trust": ["root.pem"]},
    }
    (folder / "wicketgate.yaml").write_text(json.dumps(settings), encoding="utf-8")
    pid = running.enter_context(serving([COMMAND, "run", "--config", str(folder / "wicketgate.yaml")], port))
    return Subject(port, pid, folder / "state" / "ca" / "ca.pem")


def _mitmdump(folder: Path, running: ExitStack) -> Subject:
    port = free_port()
    settings = [f"confdir={folder / 'mitmproxy'}", f"ssl_verify_upstream_trusted_ca={folder / 'root.pem'}"]
    command = [_MITMDUMP, "-q", "--mode", f"regular@127.0.0.1:{port}"]
    command += [word for each in settings for word in ("--set", each)]
    pid = running.enter_context(serving(command, port))
    return Subject(port, pid, folder / "mitmproxy" / "mitmproxy-ca-cert.pem")


def _measure(
    subjects: Mapping[str, Subject], origin: str, rounds: int, seconds: int, *, kept: bool
) -> tuple[dict[str, Measured], int]:
    """The medians, and how many answers the gateway gave."""
    for subject in subjects.values():
        load_tls(subject.port, origin, subject.authority, 1, kept=kept)
    done: dict[str, list[tuple[Round, float]]] = {name: [] for name in subjects}
    for _ in range(rounds):
        for name, subject in subjects.items():
            before = cpu_seconds(subject.pid)
            measured = load_tls(subject.port, origin, subject.authority, seconds, kept=kept)
            done[name].append((measured, (cpu_seconds(subject.pid) - before) / measured.answers * 1e6))
    result = {name: _medians(done[name], subject) for name, subject in subjects.items()}
    return result, sum(each.answers for each, _ in done["wicketgate"])


def _medians(done: Sequence[tuple[Round, float]], subject: Subject) -> Measured:
    return Measured(
        rate=_median(each.rate for each, _ in done),
        p50_ms=_median(each.p50_ms for each, _ in done),
        p99_ms=_median(each.p99_ms for each, _ in done),
        cpu_us=_median(spent for _, spent in done),
        resident_mb=round(resident_mb(subject.pid), 1),
    )


def _median(values: Iterable[float]) -> float:
    return round(median(values), 2)


def _see_the_log(folder: Path, answers: int) -> None:
    """Fail if the gateway answered more requests than it wrote down decisions."""
    written = sum(record.get("event") == "decision" for record in records(folder / "state" / "audit"))
    if written < answers:
        raise Wrong(f"{answers} requests were answered and {written} decisions written down")


def ratio(result: Result, way: str) -> float:
    """How many times as many requests per second the gateway answers as mitmdump."""
    return round(result[way]["wicketgate"].rate / result[way]["mitmdump"].rate, 2)


def table(result: Result) -> str:
    """The result in Markdown."""
    lines = ["| connections | | requests/s | p50 ms | p99 ms | CPU us/request | memory MB |"]
    lines.append("|---|---|---|---|---|---|---|")
    for way, subjects in result.items():
        for name, each in subjects.items():
            numbers = f"{each.rate:,.0f} | {each.p50_ms:.1f} | {each.p99_ms:.1f} | {each.cpu_us:.0f}"
            lines.append(f"| {way} | {name} | {numbers} | {each.resident_mb:.0f} |")
    return "\n".join([*lines, "", *(f"wicketgate / mitmdump, {way}: {ratio(result, way):.2f}" for way in result)])


def main(argv: Sequence[str] | None = None) -> int:
    """Run the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    if why := missing():
        sys.stderr.write(f"skipped: {why}\n")
        return 0
    result = compare(asked.rounds, asked.seconds)
    ratios = {way: ratio(result, way) for way in result}
    text = {way: {name: asdict(each) for name, each in subjects.items()} for way, subjects in result.items()}
    sys.stdout.write((json.dumps({**text, "ratios": ratios}) if asked.json else table(result)) + "\n")
    if asked.check and ratios["new"] < WANTED:
        sys.stderr.write(f"{ratios['new']} times as fast as mitmdump, {WANTED} is promised\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
