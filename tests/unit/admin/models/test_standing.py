from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.admin.models.standing import PartStanding, Readiness, Status
from gateway.control.outcomes import Ledger, Outcomes, PartOutcome


def test_a_part_stands_as_its_ledger_says() -> None:
    ledger = Ledger()
    parts = (
        PartOutcome(what="policy", state="loaded", listener="egress", name="office", digest="sha256:1"),
        PartOutcome(what="list", state="kept", listener="egress", name="ads", problems=("it is empty",)),
        PartOutcome(what="trust", state="loaded"),
    )
    ledger.note(Outcomes(cause="start", ended=1795428000.0, parts=parts))

    told = [PartStanding.model_validate(each, strict=True) for each in ledger.data()["parts"]]

    assert [(each.what, each.state, each.loaded is None) for each in told] == [
        ("policy", "loaded", False),
        ("list", "kept", True),
        ("trust", "loaded", False),
    ]


def test_a_balancer_learns_one_of_four_words() -> None:
    assert Readiness.model_validate({"status": "draining"}).status == "draining"
    with pytest.raises(ValidationError):
        Readiness.model_validate({"status": "maybe"})


def test_a_status_says_everything_or_is_none() -> None:
    with pytest.raises(ValidationError) as caught:
        Status.model_validate({"version": "1"})

    assert {each["loc"][0] for each in caught.value.errors()} >= {"ready", "draining", "audit", "listeners", "workers"}
