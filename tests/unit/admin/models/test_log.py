from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.admin.figures import Figures
from gateway.admin.models.log import Decisions, Numbers, Story
from gateway.audit.records.schema import record_schema
from tests.unit.admin.logs import decision


def test_records_are_described_as_the_schema_of_the_log_does() -> None:
    told = Decisions.model_json_schema()

    assert told["$defs"]["DecisionRecord"] == record_schema()["$defs"]["decision"]
    assert told["properties"]["decisions"]["items"] == {"$ref": "#/$defs/DecisionRecord"}
    kinds = Story.model_json_schema()["properties"]["records"]["items"]["anyOf"]
    assert [each["$ref"].rpartition("/")[2] for each in kinds] == ["DecisionRecord", "EndRecord", "ConnectionRecord"]


def test_figures_are_what_the_model_says() -> None:
    figures = Figures()
    figures.take(decision(1))

    told = Numbers.model_validate(figures.told("1h", "2026-11-23T10:00:30Z", 3), strict=True)

    assert (told.decisions.deny, told.blocked.rule[0].value, told.over_time[0].deny) == (1, "no-x", 1)
    with pytest.raises(ValidationError):
        Numbers.model_validate(figures.told("1h", "2026-11-23T10:00:30Z", 3) | {"more": 1})
