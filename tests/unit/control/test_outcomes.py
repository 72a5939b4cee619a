from __future__ import annotations

import json
from typing import TYPE_CHECKING

from gateway.control.outcomes import Ledger, Outcomes, PartOutcome

if TYPE_CHECKING:
    from gateway.audit.records.events import Cause

LOADED = PartOutcome(what="policy", state="loaded", listener="egress", name="corp", digest="sha256:1", notices=("old",))
REFUSED = PartOutcome(what="policy", state="kept", listener="egress", name="corp", problems=("`nmae`",))
KEPT = PartOutcome(what="trust", state="kept", problems=("no certificate can be read",))


def test_what_was_refused_is_found_among_what_was_taken_up() -> None:
    outcomes = Outcomes(cause="signal", ended=0.0, parts=(LOADED, KEPT))

    assert outcomes.kept == (KEPT,)


def test_it_can_be_told_as_plain_values() -> None:
    outcomes = Outcomes(cause="order", ended=1_763_806_800.5, parts=(LOADED, KEPT))

    assert json.loads(json.dumps(outcomes.data())) == {
        "cause": "order",
        "ended": "2025-11-22T10:20:00.500000Z",
        "kept": 1,
        "parts": [
            {
                "what": "policy",
                "state": "loaded",
                "listener": "egress",
                "name": "corp",
                "digest": "sha256:1",
                "problems": [],
                "notices": ["old"],
            },
            {
                "what": "trust",
                "state": "kept",
                "listener": None,
                "name": None,
                "digest": None,
                "problems": ["no certificate can be read"],
                "notices": [],
            },
        ],
    }


def test_what_is_kept_is_kept_since_the_first_refusal_and_says_when_it_was_taken_up() -> None:
    ledger = Ledger()
    history: list[tuple[float, Cause, PartOutcome]] = [
        (1.0, "start", LOADED),
        (2.0, "file", REFUSED),
        (3.0, "signal", REFUSED),
    ]
    for moment, cause, part in history:
        ledger.note(Outcomes(cause=cause, ended=moment, parts=(part,)))

    (standing,) = ledger
    assert (standing.last, standing.cause, standing.loaded, standing.kept_since) == (REFUSED, "signal", 1.0, 2.0)
    assert ledger.counts == {("policy", "loaded"): 1, ("policy", "kept"): 2}

    ledger.note(Outcomes(cause="order", ended=4.0, parts=(LOADED,)))
    (standing,) = ledger
    assert (standing.last, standing.loaded, standing.kept_since) == (LOADED, 4.0, None)


def test_lists_are_known_by_their_names_and_go_with_the_policy_that_named_them() -> None:
    ledger = Ledger()
    ads, drop = (PartOutcome(what="list", state="loaded", listener="egress", name=name) for name in ("ads", "drop"))
    ledger.note(Outcomes(cause="start", ended=1.0, parts=(LOADED, ads, drop)))
    ledger.note(Outcomes(cause="file", ended=2.0, parts=(REFUSED,)))
    assert {each.last.key for each in ledger} == {LOADED.key, ads.key, drop.key}

    ledger.note(Outcomes(cause="file", ended=3.0, parts=(LOADED, drop)))

    assert {each.last.key for each in ledger} == {LOADED.key, drop.key}


def test_a_ledger_can_be_told_as_plain_values() -> None:
    ledger = Ledger()
    ledger.note(Outcomes(cause="signal", ended=1_763_806_800.5, parts=(KEPT,)))

    told = json.loads(json.dumps(ledger.data()))

    assert told["counts"] == [{"what": "trust", "state": "kept", "count": 1}]
    assert told["parts"] == [
        {**KEPT.data(), "cause": "signal", "loaded": None, "kept_since": "2025-11-22T10:20:00.500000Z"}
    ]
