"""What a decision costs: with a million listed names, a hundred thousand networks, a thousand host rules.

Run it with `python -m tests.bench.bench_decision`. Medians of several rounds, in microseconds of processor time; what
is compared is always measured in the same run, round by round. The promised bound is 20 us for the last word with
all lists, and that a thousand host rules cost no more than a few.
"""

from __future__ import annotations

import gc
import json
import secrets
import sys
from dataclasses import dataclass
from statistics import median
from time import process_time
from typing import TYPE_CHECKING, Final

from gateway.policy.addresses import Network
from gateway.policy.compile import compile_policy
from gateway.policy.domains import DomainGathering, Reach
from gateway.policy.gate import Gate
from gateway.policy.language.document import read_policy
from gateway.policy.limits import LimitTable
from gateway.policy.lists import ListContent
from gateway.policy.model import Mode
from gateway.policy.networks import AddressSet
from tests.gates import PUBLIC, facts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.policy.model import Decision

ROUNDS: Final = 15
MICROSECONDS: Final = 1e6

LISTED: Final = """
version: 1
default: {action: allow}
lists:
  names: {type: domain, items: [placeholder.test], match: under}
  nets: {type: network, items: [192.0.2.0/24]}
guardrails:
  - {id: bad-nets, reason: Bad, when: {destination.ip: {in: ["@nets"]}}}
rules:
  - {id: bad-names, action: deny, reason: Bad, when: {host: {in: ["@names"]}}}
  - {id: no-upload, action: deny, reason: Big, when: {method: [POST, PUT], request.size: {above: 10MB}}}
"""


@dataclass(frozen=True, slots=True)
class Measured:
    """One line of the table: what was asked, how it was decided, and the median in microseconds."""

    what: str
    decision: Decision
    microseconds: float


def listed_gate(names: int, networks: int) -> Gate:
    """A gate with that many listed names and networks."""
    gathering = DomainGathering(secrets.token_bytes(16))
    gathering.add(Reach.UNDER, [f"host-{number}.list-{number % 977}.test".encode() for number in range(names)])
    prefixes = AddressSet.of(Network(4, (0x0B_0000 + number * 5) << 8, 24) for number in range(networks))
    lists = {
        "names": ListContent(name="names", type="domain", entries=names, digest="sha256:d", domains=gathering.done()),
        "nets": ListContent(name="nets", type="network", entries=networks, digest="sha256:n", networks=prefixes),
    }
    return _gate(LISTED, lists)


def ruled_gate(rules: int) -> Gate:
    """A gate with that many rules, each about hosts of its own."""
    clauses = [
        {"id": f"r{number}", "action": "deny", "reason": "R", "when": {"host": {"under": [f"r{number}.test"]}}}
        for number in range(rules)
    ]
    return _gate(json.dumps({"version": 1, "default": {"action": "allow"}, "rules": clauses}), {})


def _gate(text: str, lists: Mapping[str, ListContent]) -> Gate:
    policy = compile_policy(read_policy(text, "bench.yaml"), lists, mode=Mode.FORWARD)
    return Gate(policy, LimitTable(policy.limit_specs))


def questions(names: int, networks: int, rules: int) -> dict[str, Callable[[], Decision]]:
    """What is asked, by its name in the table."""
    listed, few, many = listed_gate(names, networks), ruled_gate(1), ruled_gate(rules)
    passed = facts(host="www.some.example", destination=PUBLIC)
    blocked = facts(host="www.host-5.list-5.test", destination=PUBLIC)
    return {
        f"{names:,} names and {networks:,} networks, allowed": lambda: listed.upstream(passed),
        f"{names:,} names and {networks:,} networks, denied": lambda: listed.upstream(blocked),
        "1 host rule": lambda: few.upstream(passed),
        f"{rules:,} host rules": lambda: many.upstream(passed),
    }


def measure(asked: Mapping[str, Callable[[], Decision]], *, repeats: int, rounds: int = ROUNDS) -> list[Measured]:
    """The median cost of each question, all of them asked in every round."""
    gc.collect()
    gc.freeze()
    costs: dict[str, list[float]] = {what: [] for what in asked}
    for _ in range(rounds):
        for what, ask in asked.items():
            start = process_time()
            for _ in range(repeats):
                ask()
            costs[what].append((process_time() - start) / repeats * MICROSECONDS)
    gc.unfreeze()
    return [Measured(what, ask(), median(costs[what])) for what, ask in asked.items()]


def table(measured: list[Measured]) -> str:
    """The measurements as a Markdown table."""
    lines = [f"| {line.what} | {line.decision.verdict.value} | {line.microseconds:.1f} |" for line in measured]
    return "\n".join(["| question | verdict | us |", "|---|---|---|", *lines])


if __name__ == "__main__":
    sys.stdout.write(table(measure(questions(1_000_000, 100_000, 1_000), repeats=2_000)) + "\n")
