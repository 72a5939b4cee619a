"""`wicketgate policy learn`: the smallest policy that allows what was allowed, with the evidence for every line."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

from gateway.cli.outcome import OK, Unusable
from gateway.cli.policy_log import nothing_found, traffic, uncollected
from gateway.policy.compile import compile_policy
from gateway.policy.errors import Malformed
from gateway.policy.language.document import read_policy
from gateway.policy.model import Mode
from gateway.policy.problems import Invalid
from gateway.replay.evidence import Evidence
from gateway.replay.learning import Bounds
from gateway.replay.learning import learn as rules_for
from gateway.replay.writing import written

if TYPE_CHECKING:
    import argparse

NAME: Final = "learnt"


def learn(arguments: argparse.Namespace, now: float) -> int:
    """Write the policy where it is wanted. Raises Unusable if there is nothing to learn from."""
    chosen = traffic(arguments, now)
    evidence: Evidence | None = None
    with uncollected():
        for record in chosen.records():
            if evidence is None:
                evidence = Evidence(chosen.mode or Mode.FORWARD)
            evidence.take(record)
    if evidence is None or not evidence.seen.count:
        raise nothing_found(chosen)
    bounds = Bounds(at_least=arguments.at_least, enough=arguments.generalise, by_client=arguments.by_client)
    try:
        text = written(rules_for(evidence, bounds), NAME)
    except Malformed as problem:
        raise Unusable(f"--by-client: {problem}") from None
    _check(text, evidence.mode)
    if arguments.out is None:
        sys.stdout.write(text)
        return OK
    try:
        with arguments.out.open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        reason = (error.strerror or "it is out of reach").lower()
        raise Unusable(f"--out: `{arguments.out}` cannot be written: {reason}") from None
    return OK


def _check(text: str, mode: Mode) -> None:
    """Refuse to hand out what the gateway would not take: a policy that has grown too large, above all."""
    try:
        compile_policy(read_policy(text.encode(), "the learnt policy"), {}, mode=mode)
    except Invalid as error:
        way = "ask for more evidence with `--at-least`, or take more together with a smaller `--generalise`"
        raise Unusable(*map(str, error.problems), way) from None
