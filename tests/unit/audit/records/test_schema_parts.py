from __future__ import annotations

from typing import Any

import pytest
from jsonschema import Draft202012Validator

from gateway.audit.records.schema_parts import ADDRESSES, ID, MOMENT, NAMED_CLIENT, REASON, maybe, part


@pytest.mark.parametrize(
    ("valid", "schema", "value"),
    [
        (True, NAMED_CLIENT, "10.1.2.3"),
        (True, NAMED_CLIENT, "2001:db8::/48"),
        (True, NAMED_CLIENT, "client-2026-11-" + "0" * 20),
        (False, NAMED_CLIENT, "client-2026-11-x"),
        (False, NAMED_CLIENT, "evil.example"),
        (True, ADDRESSES, "::1"),
        (False, ADDRESSES, "10.0.0.0/8"),
        (True, ID, "01JD0000000000000000000000"),
        (False, ID, "81JD0000000000000000000000"),
        (True, MOMENT, "2026-11-23T10:00:00.000000Z"),
        (False, MOMENT, "2026-11-23T10:00:00Z"),
        (True, REASON, "rule-deny"),
        (False, REASON, "because"),
        (True, maybe(REASON), None),
        (True, part(a=REASON), {"a": "capacity"}),
        (True, part({"b": REASON}, a=REASON), {"a": "capacity", "b": "capacity"}),
        (False, part({"b": REASON}, a=REASON), {"b": "capacity"}),
        (False, part(a=REASON), {"a": "capacity", "b": 1}),
    ],
)
def test_the_parts_of_the_schema_know_what_is_theirs(
    valid: bool,  # noqa: FBT001 - the wanted value of a table's row
    schema: dict[str, Any],
    value: object,
) -> None:
    assert valid is Draft202012Validator(schema).is_valid(value)
