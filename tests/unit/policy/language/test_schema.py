from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from gateway.policy.language.loader import load
from gateway.policy.language.schema import DIALECT, policy_schema
from tests.reading import plain

ROOT = Path(__file__).parents[4]
POLICIES = [
    ROOT / "tests" / "data" / "policies" / "example.yaml",
    *sorted(path for path in (ROOT / "policies").glob("*.yaml") if not path.name.endswith(".cases.yaml")),
]
SCHEMA = policy_schema()


@pytest.mark.parametrize("path", POLICIES, ids=lambda path: path.name)
def test_every_example_fits_the_schema(path: Path) -> None:
    assert _misfits(plain(load(path.read_bytes(), path.name)), SCHEMA) == []


@pytest.mark.parametrize(
    ("misfit", "policy"),
    [
        ("$: lacks version", {"default": {"action": "deny"}}),
        ("$: has ruls", {"version": 1, "default": {"action": "deny"}, "ruls": []}),
        ("$.default.action: is none of allow, deny", {"version": 1, "default": {"action": "block"}}),
        ("$.show_rules: is no boolean", {"version": 1, "default": {"action": "deny"}, "show_rules": "yes"}),
        (
            "$.guardrails.0.when: has methd",
            {
                "version": 1,
                "default": {"action": "deny"},
                "guardrails": [{"id": "a", "reason": "x", "when": {"methd": []}}],
            },
        ),
    ],
)
def test_an_editor_sees_the_common_mistakes(misfit: str, policy: dict[str, Any]) -> None:
    assert _misfits(policy, SCHEMA) == [misfit]


def test_the_schema_is_json_and_says_which_dialect() -> None:
    assert json.loads(json.dumps(SCHEMA)) == SCHEMA
    assert SCHEMA["$schema"] == DIALECT


def test_every_key_says_what_it_is_for() -> None:
    assert [key for key, part in SCHEMA["properties"].items() if not part.get("description")] == []


def test_every_pointer_leads_somewhere() -> None:
    pointers = set(re.findall(r'"\$ref": "#/\$defs/(\w+)"', json.dumps(SCHEMA)))

    assert pointers == set(SCHEMA["$defs"])


TYPES: dict[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
}


def _misfits(value: Any, schema: dict[str, Any], path: str = "$") -> list[str]:
    """What a validator would say, for the part of JSON Schema that is used here."""
    if "$ref" in schema:
        return _misfits(value, SCHEMA["$defs"][schema["$ref"].rpartition("/")[2]], path)
    if "anyOf" in schema:
        told = [_misfits(value, part, path) for part in schema["anyOf"]]
        return [] if [] in told else told[0]
    if "enum" in schema:
        return [] if value in schema["enum"] else [f"{path}: is none of {', '.join(map(str, schema['enum']))}"]
    kinds = [schema["type"]] if isinstance(schema["type"], str) else schema["type"]
    if not any(isinstance(value, TYPES[kind]) and (kind == "boolean" or value is not bool(value)) for kind in kinds):
        return [f"{path}: is no {' or '.join(kinds)}"]
    if isinstance(value, list):
        few = [f"{path}: is too short"] if len(value) < schema.get("minItems", 0) else []
        return few + [
            misfit for at, item in enumerate(value) for misfit in _misfits(item, schema["items"], f"{path}.{at}")
        ]
    if isinstance(value, dict):
        return _misfits_of_group(value, schema, path)
    if isinstance(value, str) and not re.search(schema.get("pattern", ""), value):
        return [f"{path}: does not fit its pattern"]
    return []


def _misfits_of_group(value: dict[str, Any], schema: dict[str, Any], path: str) -> list[str]:
    misfits = [f"{path}: lacks {key}" for key in schema.get("required", []) if key not in value]
    for key, part in value.items():
        patterns = schema.get("patternProperties", {})
        fitting = next((shape for pattern, shape in patterns.items() if re.search(pattern, key)), None)
        shape = schema.get("properties", {}).get(key, fitting or schema.get("additionalProperties", True))
        if shape is False:
            misfits.append(f"{path}: has {key}")
        elif isinstance(shape, dict):
            misfits += _misfits(part, shape, f"{path}.{key}")
    return misfits
