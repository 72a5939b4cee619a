"""What lists cost: loading a million names and a hundred thousand networks, holding them, and asking them.

    python tests/bench/bench_lists.py [--names N] [--networks N] [--rounds N] [--json] [--check]

Each side runs in a process of its own, in turns, so that its memory is its own; the table shows medians. The other side
is what one would write without thinking: a set of texts, and `ipaddress` networks in a dict per prefix length.
`--check` exits with 1 if the gateway's side breaks the bounds that it promises. All of this computes and waits
for nothing, so the bounds are on CPU time, which other work on the machine hardly changes.
"""

from __future__ import annotations

import argparse
import gc
import ipaddress
import json
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from time import perf_counter, process_time

from gateway.lists.load import load_lists
from gateway.policy.addresses import Address
from gateway.policy.language.clauses import ListDocument
from gateway.policy.names import Host

ASKED = 20_000
BOUNDS = {"cpu_seconds": 2.0, "peak_mb": 150.0, "name_us": 20.0, "address_us": 20.0}
"""What is promised of a million names and a hundred thousand networks together."""

type Side = tuple[Callable[[str], bool], Callable[[int], bool]]


def write_lists(folder: Path, names: int, networks: int) -> None:
    """Made-up lists: names of some twenty bytes in no order, networks of several lengths."""
    with (folder / "names.hosts").open("w") as file:
        file.writelines(f"0.0.0.0 {name_of(number)}\n" for number in range(names))
    with (folder / "networks.netset").open("w") as file:
        for number in range(networks):
            value = number * 2_654_435_761 % (1 << 24) << 8
            length = 24 if number % 4 else 20
            file.write(f"{Address(4, value >> 32 - length << 32 - length)}/{length}\n")


def name_of(number: int) -> str:
    """The name with this number."""
    return f"{number * 2_654_435_761 % (1 << 32):08x}.{number % 99_991:05x}.example"


def gateway_side(folder: Path) -> Side:
    """The lists as the gateway loads them."""
    documents = {
        "names": ListDocument(name="names", type="domain", format="hosts", match="under", file="names.hosts"),
        "networks": ListDocument(name="networks", type="network", format="netset", file="networks.netset"),
    }
    contents = load_lists(documents, folder, None, 0.0).contents
    domains, networks = contents["names"].domains, contents["networks"].networks
    if domains is None or networks is None:
        raise SystemExit("the lists did not load")
    return (
        lambda name: domains.find(Host(name)) is not None,
        lambda value: networks.find(Address(4, value)) is not None,
    )


def plain_side(folder: Path) -> Side:
    """A set of texts, and networks in a dict per prefix length."""
    names = {line.split()[1] for line in (folder / "names.hosts").read_text().splitlines()}
    networks: dict[int, dict[int, ipaddress.IPv4Network]] = {}
    for line in (folder / "networks.netset").read_text().splitlines():
        network = ipaddress.IPv4Network(line)
        networks.setdefault(network.prefixlen, {})[int(network.network_address) >> 32 - network.prefixlen] = network

    def listed(name: str) -> bool:
        labels = name.split(".")
        return any(".".join(labels[at:]) in names for at in range(len(labels)))

    return listed, lambda value: any(value >> 32 - length in found for length, found in networks.items())


SIDES = {"gateway": gateway_side, "plain": plain_side}


def measure(side: str, folder: Path, names: int) -> dict[str, float]:
    """Load one side in this process and ask it."""
    gc.collect()
    peak, resident = _peak(), _resident()
    started, computed = perf_counter(), process_time()
    listed, inside = SIDES[side](folder)
    load = {"seconds": perf_counter() - started, "cpu_seconds": process_time() - computed}
    gc.collect()
    grown = {"peak_mb": _peak() - peak, "resident_mb": _resident() - resident}
    hosts = [f"www.{name_of(number * 7)}" for number in range(ASKED)]
    started = process_time()
    found = sum(map(listed, hosts))
    name_us = (process_time() - started) / ASKED * 1e6
    if found < min(names // 7, ASKED):
        raise SystemExit(f"{side}: only {found} of the names were found")
    values = [number * 40_503 % (1 << 32) for number in range(ASKED)]
    started = process_time()
    sum(map(inside, values))
    return {**load, **grown, "name_us": name_us, "address_us": (process_time() - started) / ASKED * 1e6}


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


def _resident() -> float:
    return int(Path("/proc/self/statm").read_text().split()[1]) * resource.getpagesize() / 1e6


def compare(names: int, networks: int, rounds: int) -> dict[str, dict[str, float]]:
    """Medians of both sides, measured in turns."""
    rows: dict[str, list[dict[str, float]]] = {side: [] for side in SIDES}
    with tempfile.TemporaryDirectory() as folder:
        write_lists(Path(folder), names, networks)
        for _ in range(rounds):
            for side, measured in rows.items():
                command = [sys.executable, __file__, "--names", str(names), "--side", side, "--folder", folder]
                measured.append(json.loads(subprocess.run(command, check=True, capture_output=True).stdout))
    return {
        side: {key: round(statistics.median(row[key] for row in measured), 3) for key in measured[0]}
        for side, measured in rows.items()
    }


def table(result: dict[str, dict[str, float]]) -> str:
    """The result in Markdown, with the ratio of both sides."""
    lines = ["| | gateway | plain | gateway / plain |", "|---|---|---|---|"]
    for key, value in result["gateway"].items():
        other = result["plain"][key]
        lines.append(f"| {key} | {value:.2f} | {other:.2f} | {value / other if other else 0:.2f} |")
    return "\n".join(lines)


def main() -> int:
    """Run the comparison, or one side of it."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--names", type=int, default=1_000_000)
    parser.add_argument("--networks", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--side", choices=SIDES, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    if asked.side:
        sys.stdout.write(json.dumps(measure(asked.side, asked.folder, asked.names)))
        return 0
    result = compare(asked.names, asked.networks, asked.rounds)
    sys.stdout.write((json.dumps(result) if asked.json else table(result)) + "\n")
    broken = [key for key, bound in BOUNDS.items() if result["gateway"][key] > bound]
    if asked.check and broken:
        sys.stderr.write(f"above its bound: {', '.join(broken)}\n")
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
