from __future__ import annotations

import json

from gateway.control.outcomes import Outcomes, PartOutcome

LOADED = PartOutcome(what="policy", state="loaded", listener="egress", name="corp", digest="sha256:1", notices=("old",))
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
