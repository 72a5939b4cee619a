"""What a list of a million names takes of the memory of 1, 2 and 4 workers: of all processes together.

    python -m tests.bench.bench_shared_lists [--names N] [--json] [--check]

Every number of workers is started with a policy that has the list and with one that has a short one. Counted is PSS:
memory that processes share is divided among them, so that the sum is what the gateway takes. `--check` exits with 1 if
the list takes more than twice as much of four workers as of one.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.cli.ordering import NotAtWork, ordered
from gateway.control.channel import Order
from tests.bench.load import serving
from tests.e2e.commands import COMMAND, free_port, until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

WORKERS: Final = (1, 2, 4)
AT_MOST: Final = 2.0
"""How many times as much the list may take of the most workers as of one."""
_SHORT: Final = 100
_POLICY: Final = """\
version: 1
name: listed
default: {action: allow}
lists: {blocked: {type: domain, file: names.txt, match: under}}
rules: [{id: no-listed, action: deny, reason: Listed, when: {host: {in: ["@blocked"]}}}]
"""


@dataclass(frozen=True, slots=True)
class Taken:
    """Megabytes of all processes, with a short list and with the long one."""

    short_mb: float
    long_mb: float

    @property
    def list_mb(self) -> float:
        """What the list takes."""
        return round(self.long_mb - self.short_mb, 1)


def measure(names: int) -> dict[str, Taken]:
    """By the number of workers."""
    return {str(workers): Taken(_taken(workers, _SHORT), _taken(workers, names)) for workers in WORKERS}


def _taken(workers: int, names: int) -> float:
    with tempfile.TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        lines = (f"n{number}.of-a-long-list.example\n" for number in range(names))
        (folder / "names.txt").write_text("".join(lines), encoding="ascii")
        (folder / "policy.yaml").write_text(_POLICY, encoding="utf-8")
        command = [COMMAND, "forward", "--listen", f"127.0.0.1:{port}", "--policy", str(folder / "policy.yaml")]
        command += ["--state", str(folder / "state"), "--workers", str(workers)]
        with serving(command, port) as process:
            until(lambda: _serves(folder / "state"), "the gateway does not serve")
            return round(sum(map(pss_mb, family(process))), 1)


def _serves(state: Path) -> bool:
    """Whether all are at work: connections are accepted sooner."""
    with suppress(NotAtWork):
        return bool(ordered(state, Order("status"))["ready"])
    return False


def family(process: int) -> list[int]:
    """A process and all that it has started."""
    found = [process]
    for each in found:
        for task in Path(f"/proc/{each}/task").iterdir():
            found += map(int, (task / "children").read_text(encoding="ascii").split())
    return found


def pss_mb(process: int) -> float:
    """The proportional share of memory of a process, in megabytes (proc(5), smaps_rollup)."""
    lines = Path(f"/proc/{process}/smaps_rollup").read_text(encoding="ascii").splitlines()
    (share,) = (int(line.split()[1]) for line in lines if line.startswith("Pss:"))
    return share * 1024 / 1e6


def table(result: Mapping[str, Taken]) -> str:
    """The result in Markdown."""
    rows = [
        f"| {workers} | {each.short_mb:.0f} | {each.long_mb:.0f} | {each.list_mb:.0f} |"
        for workers, each in result.items()
    ]
    heading = "| workers | all processes, MB | with the list, MB | the list, MB |\n|---|---|---|---|"
    return "\n".join([heading, *rows])


def main(argv: Sequence[str] | None = None) -> int:
    """Measure."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    asked = parser.parse_args(argv)
    result = measure(asked.names)
    text = {workers: {**asdict(each), "list_mb": each.list_mb} for workers, each in result.items()}
    sys.stdout.write((json.dumps(text) if asked.json else table(result)) + "\n")
    one, most = (result[str(each)].list_mb for each in (WORKERS[0], WORKERS[-1]))
    if asked.check and most > AT_MOST * one:
        sys.stderr.write(f"the list takes {most} MB of {WORKERS[-1]} workers and {one} MB of one\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
