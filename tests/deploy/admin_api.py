"""What the reference says of the answers of the admin API: `python -m tests.deploy.admin_api`.

It is made from the description that the API gives of itself.
"""

from __future__ import annotations

import re
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from gateway.admin.app import build
from gateway.admin.brief import Brief
from tests.house.sources import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

PAGE: Final = ROOT / "docs" / "reference" / "admin-api-answers.md"
_REFERENCE: Final = "#/components/schemas/"
_RECORDS: Final = {"DecisionRecord": "decision", "EndRecord": "end", "ConnectionRecord": "connection"}
_HEAD: Final = """\
# The answers of the admin API, key by key

Made from `/openapi.json`, which says the same to programs; [the admin API](admin-api.md) says what there is to ask. An
answer has these keys, all of them and no others, but for those that are marked *may be missing*. Whatever goes wrong is
a problem (RFC 9457) instead. Records of the audit log are described in [the audit record](audit-record.md).
"""


def description() -> dict[str, Any]:
    """What the API says of itself."""
    with tempfile.TemporaryDirectory() as folder:
        guard = build(Brief(socket=0, state=folder, version="0"))
    found: dict[str, Any] = guard.app.openapi()  # type: ignore[attr-defined]  # behind the guard is the application
    return found


def page() -> str:
    """The page as it should be."""
    told = description()
    schemas = told["components"]["schemas"]
    shown: list[str] = []
    waiting = [name for _, name in _answers(told)]
    while waiting:
        name = waiting.pop(0)
        if name not in shown and name not in _RECORDS:
            shown.append(name)
            waiting += re.findall(rf"{_REFERENCE}(\w+)", str(schemas[name]))
    first = [f"| `{order}` | {_link(name)} |" for order, name in _answers(told)]
    tables = [line for name in sorted(shown) for line in _table(name, schemas[name])]
    return "\n".join([_HEAD, "| asked | answer |", "|---|---|", *first, *tables, ""])


def _answers(told: dict[str, Any]) -> Iterator[tuple[str, str]]:
    """Every request with the name of what answers it in JSON."""
    for path, methods in told["paths"].items():
        for method, said in methods.items():
            schema = said["responses"]["200"]["content"].get("application/json", {}).get("schema", {})
            if "$ref" in schema:
                yield f"{method.upper()} {path}", schema["$ref"].removeprefix(_REFERENCE)


def _table(name: str, schema: dict[str, Any]) -> Iterator[str]:
    needed = schema.get("required", ())
    yield from ("", f"## {name}", "", " ".join(schema["description"].split()), "", "| key | value | |", "|---|---|---|")
    for key, said in schema["properties"].items():
        missing = "" if key in needed else "*may be missing* "
        yield f"| `{key}` | {_kind(said)} | {missing}{' '.join(said.get('description', '').split())} |"


def _kind(said: dict[str, Any]) -> str:
    if "$ref" in said:
        return _link(said["$ref"].removeprefix(_REFERENCE))
    if "anyOf" in said:
        return " or ".join(dict.fromkeys(map(_kind, said["anyOf"])))
    if "const" in said:
        return f"`{str(said['const']).lower() if isinstance(said['const'], bool) else said['const']}`"
    if "enum" in said:
        return ", ".join(f"`{each}`" for each in said["enum"])
    if said["type"] == "array":
        return f"list of {_kind(said['items'])}"
    if said["type"] == "object":
        return f"object of {_kind(said['additionalProperties'])}"
    if "pattern" in said:
        return "moment (RFC 3339, UTC)"
    words: dict[str, str] = {"string": "text", "boolean": "`true` or `false`", "null": "`null`"}
    return words.get(said["type"], str(said["type"]))


def _link(name: str) -> str:
    if name in _RECORDS:
        return f"[record of `{_RECORDS[name]}`](audit-record.md)"
    return f"[{name}](#{name.lower()})"


def main() -> int:
    """Write it."""
    Path(PAGE).write_text(page(), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
