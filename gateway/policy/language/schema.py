"""The JSON Schema of a policy, for editors: made of the same shapes that read it, so the two cannot drift apart.

A schema says less than the reader: it knows nothing of declared names, of addresses, or of what cannot stand together.
What it refuses, the reader refuses too.

Source: JSON Schema 2020-12.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.policy.language.blocks import block_schema
from gateway.policy.language.document import POLICY

if TYPE_CHECKING:
    from gateway.policy.language.shapes import JsonSchema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def policy_schema() -> JsonSchema:
    """The schema of a policy file."""
    return {
        "$schema": DIALECT,
        "title": "Wicketgate policy",
        "description": "What is allowed and what is denied. Rules have no order: any denial that matches wins.",
        **POLICY.schema,
        "$defs": {"block": block_schema()},
    }
