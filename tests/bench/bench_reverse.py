"""What the reverse gateway costs: requests per second against mitmproxy's own `mitmdump --mode reverse`.

    python -m tests.bench.bench_reverse [--rounds N] [--seconds N] [--json] [--check]

Both stand in front of the same origin, in the same run, and are loaded in turns; the table shows medians. The gateway
has the shipped policy `api` with every rule and limit of it, but for one number: the rate per client, which the load
would break, is set very high. Its audit log is on, as it is by default, and the run fails if a request is missing in
it. mitmdump has its own defaults and prints nothing (`-q`). `origin` is the load without anything between.
`--check` exits with 1 if the gateway is not at least 1.5 times as fast as mitmdump.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.shipped import shipped_policy
from tests.bench.load import Wrong, missing, origin, serving
from tests.bench.subjects import HEADING, Measured, Subject, in_turns, lines, see_the_logs
from tests.e2e.commands import COMMAND, free_port

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WANTED: Final = 1.5
"""How many times as fast as mitmdump the gateway has to be."""

_RATE: Final = "rate: 1200/min, burst: 200}"
_HIGH: Final = "rate: 60000000/min, burst: 1000000}"
_MITMDUMP: Final = str(Path(sys.executable).with_name("mitmdump"))


def bench_policy(folder: Path) -> Path:
    """A copy of the shipped policy `api` whose limit per client the load does not reach."""
    text = shipped_policy("api").read_text(encoding="utf-8")
    if text.count(_RATE) != 1:
        raise Wrong(f"the shipped policy has no longer exactly one `{_RATE}`")
    policy = folder / "api.yaml"
    policy.write_text(text.replace(_RATE, _HIGH), encoding="utf-8")
    return policy


def compare(rounds: int, seconds: int) -> dict[str, Measured]:
    """Load the gateway, mitmdump and the bare origin in turns."""
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        behind = running.enter_context(origin(folder / "origin"))
        subjects = {
            "wicketgate": gateway(folder, behind, running),
            "mitmdump": mitmdump(folder, behind, running),
            "origin": Subject(behind),
        }
        done = in_turns(subjects, rounds, seconds)
        running.close()
        see_the_logs(subjects, done.answers)
        return done.medians


def gateway(folder: Path, behind: int, running: ExitStack, *more: str) -> Subject:
    """A reverse gateway with its log, in a folder of its own; `more` are options of the command."""
    port = free_port()
    command = [COMMAND, "reverse", f"http://127.0.0.1:{behind}", "--listen", f"127.0.0.1:{port}"]
    command += ["--policy", str(bench_policy(folder)), "--state", str(folder / "state"), *more]
    return Subject(port, running.enter_context(serving(command, port)), folder / "state" / "audit")


def mitmdump(folder: Path, behind: int, running: ExitStack) -> Subject:
    port = free_port()
    mode = f"reverse:http://127.0.0.1:{behind}@127.0.0.1:{port}"
    command = [_MITMDUMP, "-q", "--mode", mode, "--set", f"confdir={folder / 'mitmproxy'}"]
    return Subject(port, running.enter_context(serving(command, port)))


def ratio(result: Mapping[str, Measured]) -> float:
    """How many times as many requests per second the gateway answers as mitmdump."""
    return round(result["wicketgate"].rate / result["mitmdump"].rate, 2)


def table(result: Mapping[str, Measured]) -> str:
    """The result in Markdown."""
    return "\n".join([HEADING, *lines(result), "", f"wicketgate / mitmdump: {ratio(result):.2f}"])


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
    text = {name: asdict(each) for name, each in result.items()}
    sys.stdout.write((json.dumps({**text, "ratio": ratio(result)}) if asked.json else table(result)) + "\n")
    if asked.check and ratio(result) < WANTED:
        sys.stderr.write(f"{ratio(result)} times as fast as mitmdump, {WANTED} is promised\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
