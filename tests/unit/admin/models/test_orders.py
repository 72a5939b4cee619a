from __future__ import annotations

from typing import Any

import pytest
from pydantic import ValidationError

from gateway.admin.models.orders import Explained, Refreshed
from gateway.control.feeds import Came
from gateway.control.outcomes import Outcomes

VERDICT = {"verdict": "deny", "reason": "rule-deny", "rule": "a", "place": "p.yaml:1", "matched": ["a"], "unknown": []}


def test_what_was_fetched_is_told_with_what_came_of_reading_it() -> None:
    came = Came("https://lists.example/ads", (("egress", "ads"),), "failed", "it is away")
    read = Outcomes(cause="list", ended=1795428000.0, parts=()).data()

    told = Refreshed.model_validate({"fetched": [came.data()], **read}, strict=True)

    assert (told.fetched[0].lists[0].name, told.fetched[0].came, told.kept) == ("ads", "failed", 0)


def test_an_explanation_names_exceptions_and_rules_on_trial() -> None:
    verdict = VERDICT | {"waived": [{"rule": "b", "exception": "c"}], "shadow": [{"rule": "d", "action": "deny"}]}
    said: dict[str, Any] = {
        "listener": "egress",
        "policy": {"name": "p", "digest": "sha256:1"},
        "message": None,
        "why": [],
    }

    told = Explained.model_validate({**said, "decision": verdict}, strict=True)

    assert (told.decision.waived[0].exception, told.decision.shadow[0].action) == ("c", "deny")
    with pytest.raises(ValidationError):
        Explained.model_validate({**said, "decision": {**verdict, "verdict": "perhaps"}})
