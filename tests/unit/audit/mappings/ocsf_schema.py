"""A checker of OCSF events, by an extract of the published schema (`tests/data/ocsf`)."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

SCHEMA: Final = json.loads((ROOT / "tests/data/ocsf/network-1.8.0.json").read_text("utf-8"))
_CLASSES: Final = {each["uid"]: each for each in SCHEMA["classes"].values()}
_PYTHON: Final = {"string_t": str, "integer_t": int, "long_t": int, "boolean_t": bool, "json_t": object}
_LARGEST: Final = {"integer_t": 2**31, "long_t": 2**63}


def problems(event: dict[str, Any]) -> list[str]:
    """What the schema says against an event."""
    found = _CLASSES.get(event.get("class_uid"))
    if found is None:
        return [f"no class {event.get('class_uid')}"]
    said = list(_of_object(event, found, ""))
    if event["type_uid"] != event["class_uid"] * 100 + event["activity_id"]:
        said.append("type_uid is not the class and the activity")
    if event["class_uid"] // 1000 != event["category_uid"]:
        said.append("class_uid is not of the category")
    return said


def _of_object(value: dict[str, Any], shape: dict[str, Any], path: str) -> Iterator[str]:
    attributes = shape["attributes"]
    for name, attribute in attributes.items():
        if attribute.get("requirement") == "required" and name not in value:
            yield f"{path}{name} is missing"
    for rule, names in (shape["constraints"] or {}).items():
        there = sum(name in value for name in names)
        if (rule == "at_least_one" and not there) or (rule == "just_one" and there != 1):
            yield f"{path or 'the event'} has {there} of {names}"
    for name, each in value.items():
        if name not in attributes:
            yield f"{path}{name} is no attribute"
            continue
        attribute = attributes[name]
        if isinstance(each, list) is not bool(attribute.get("is_array")):
            yield f"{path}{name} is a list, or should be one"
        for one in each if isinstance(each, list) else [each]:
            yield from _of_value(one, attribute, f"{path}{name}")
        yield from _of_sibling(value, name, attribute, path)


def _of_value(value: object, attribute: dict[str, Any], path: str) -> Iterator[str]:
    kind = attribute["type"]
    if kind == "object":
        return
    if kind not in SCHEMA["types"]:
        if kind not in SCHEMA["objects"] or not isinstance(value, dict):
            yield f"{path} is no {kind}"
        else:
            yield from _of_object(value, SCHEMA["objects"][kind], f"{path}.")
        return
    about = SCHEMA["types"][kind]
    base = about["is"]
    if not isinstance(value, _PYTHON[base]) or (isinstance(value, bool) and base != "boolean_t"):
        yield f"{path} is no {kind}: {value!r}"
    elif isinstance(value, int) and not -_LARGEST.get(base, 2) <= value < _LARGEST.get(base, 2):
        yield f"{path} is too large"
    elif isinstance(value, str) and "regex" in about and not re.search(about["regex"], value):
        yield f"{path} does not look like a {kind}: {value}"
    if "enum" in attribute and str(value) not in attribute["enum"] and path.endswith("_id"):
        yield f"{path} has no value {value}"


def _of_sibling(value: dict[str, Any], name: str, attribute: dict[str, Any], path: str) -> Iterator[str]:
    """The caption beside a number has to be that number's."""
    caption = value.get(attribute.get("sibling", ""))
    wanted = attribute.get("enum", {}).get(str(value[name]))
    if caption is not None and wanted not in {caption, "Other"}:
        yield f"{path}{name} is {value[name]}, and its caption {caption}"
