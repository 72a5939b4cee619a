"""Audit records against the published schema, by a validator that was compiled once: there are very many to check."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

import jsonschema_rs

from gateway.audit.records.schema import record_schema

if TYPE_CHECKING:
    from collections.abc import Mapping


def problems_of(record: Mapping[str, Any]) -> list[str]:
    """What the schema says against a record."""
    return [f"{'.'.join(map(str, each.instance_path))}: {each.message}" for each in _validator().iter_errors(record)]


@cache
def _validator() -> jsonschema_rs.Validator:
    return jsonschema_rs.validator_for(record_schema())
