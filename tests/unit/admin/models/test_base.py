from __future__ import annotations

import pytest
from pydantic import ValidationError

from gateway.admin.models.base import Answer, Count, Moment


class Sample(Answer):
    """A sample."""

    at: Moment
    many: Count
    """How many."""


def test_an_answer_has_its_keys_and_no_others() -> None:
    good = {"at": "2026-11-23T10:00:00.000000Z", "many": 3}
    assert Sample.model_validate(good).many == 3
    for bad in ({**good, "more": 1}, {"many": 3}, {**good, "many": -1}, {**good, "at": "today"}):
        with pytest.raises(ValidationError):
            Sample.model_validate(bad)


def test_what_stands_below_a_key_describes_it() -> None:
    schema = Sample.model_json_schema()

    assert schema["additionalProperties"] is False
    assert schema["properties"]["many"]["description"] == "How many."
