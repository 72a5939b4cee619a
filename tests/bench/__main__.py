"""The gateway beside its peers: every workload on every server, in one run, loaded in turns.

    python -m tests.bench [--workloads A,B] [--subjects A,B] [--rounds N] [--seconds N] [--json FILE] [--check]
    python -m tests.bench --smoke [--json FILE]
    python -m tests.bench --page

All servers of a role stand at the same origins, and are loaded one after the other, `--rounds` times; the table shows
medians. The gateway has the shipped policies with their rules and guards, and its audit log: the run fails if one
decision is missing there. Its peers have the defaults of their makers, and write nothing down. Each has one process
that serves. What a server cannot do, and why, stands in its cell; so does what went wrong.
`--check` exits with 1 if a target is missed; all are told with their figures. `--smoke` runs every cell for a moment
and once, to see that it runs. `--page` writes docs/reference/benchmarks.md and its pictures from the JSON beside it.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tests.bench.matrix.machine import facts
from tests.bench.matrix.page import RESULT, Run, read, table, written
from tests.bench.matrix.running import Wanted, run
from tests.bench.matrix.subjects import SUBJECTS
from tests.bench.matrix.targets import verdicts
from tests.bench.matrix.workloads import WORKLOADS

if TYPE_CHECKING:
    from collections.abc import Sequence

_SMOKE: Final[dict[str, Any]] = {"rounds": 1, "seconds": 0.1, "warming": 0.0, "most": 32}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the matrix, or write the page of a run."""
    asked = _parser().parse_args(argv)
    if asked.page:
        for path, text in written(read(RESULT.read_text(encoding="utf-8"))).items():
            path.write_text(text, encoding="utf-8")
        return 0
    found = _measured(asked)
    if asked.json:
        Path(asked.json).write_text(found.to_json(), encoding="utf-8")
    sys.stdout.write(_told(found))
    missed = [each for each in verdicts(found.cells) if not each.met]
    return 1 if asked.check and missed else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.bench", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workloads", type=_names, default=(), help=", ".join(each.name for each in WORKLOADS))
    parser.add_argument("--subjects", type=_names, default=(), help=", ".join(each.name for each in SUBJECTS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a round")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--page", action="store_true")
    return parser


def _names(text: str) -> tuple[str, ...]:
    known = {each.name for each in WORKLOADS} | {each.name for each in SUBJECTS}
    names = tuple(text.split(","))
    if unknown := [each for each in names if each not in known]:
        raise argparse.ArgumentTypeError(f"`{unknown[0]}` is unknown, there are: {', '.join(sorted(known))}")
    return names


def _measured(asked: argparse.Namespace) -> Run:
    workloads = tuple(each for each in WORKLOADS if not asked.workloads or each.name in asked.workloads)
    subjects = tuple(each for each in SUBJECTS if not asked.subjects or each.name in asked.subjects)
    wanted = replace(Wanted(workloads, subjects, asked.rounds, asked.seconds), **(_SMOKE if asked.smoke else {}))
    machine = {**facts(subjects), "rounds": wanted.rounds, "seconds": wanted.seconds}
    return Run(machine, tuple(run(wanted)))


def _told(found: Run) -> str:
    parts = [
        f"{workload.name}: {workload.title}\n\n{table(workload, cells)}"
        for workload, cells in found.by_workload().items()
    ]
    said = [f"{'met   ' if each.met else 'missed'}  {each.wanted} ({each.found})" for each in verdicts(found.cells)]
    return "\n".join([*parts, *said, ""])


if __name__ == "__main__":
    raise SystemExit(main())
