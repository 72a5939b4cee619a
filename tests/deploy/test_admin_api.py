"""The reference of the admin API is about what there is: every path, and every key of every answer."""

from __future__ import annotations

import re
from typing import Final

from tests.deploy.admin_api import PAGE, description, page
from tests.house.sources import ROOT

REFERENCE: Final = ROOT / "docs" / "reference" / "admin-api.md"


def test_the_page_of_answers_says_what_the_description_says() -> None:
    assert PAGE.read_text("utf-8") == page(), "run `python -m tests.deploy.admin_api`"


def test_every_request_is_in_the_reference_and_nothing_else() -> None:
    told = {(method.upper(), path) for path, methods in description()["paths"].items() for method in methods}
    written = set()
    for line in REFERENCE.read_text("utf-8").splitlines():
        cell = line.split("|")[1] if line.startswith("| `") else ""
        for each in re.findall(r"`([^`]+)`", cell):
            method, _, path = each.rpartition(" ")
            path = path.partition("?")[0].replace("/ID", "/{decision_id}").replace("/NAME/", "/{name}/")
            written.add((method or "GET", path))

    assert {each for each in written if each[1].startswith("/")} == told


def test_every_answer_in_json_has_all_its_keys_described() -> None:
    for path, methods in description()["paths"].items():
        for method, said in methods.items():
            for kind, content in said["responses"]["200"]["content"].items():
                assert content["schema"], (method, path)
                assert kind != "application/json" or "$ref" in content["schema"], (method, path)
    open_ended = [
        name
        for name, each in description()["components"]["schemas"].items()
        if each["additionalProperties"] is not False
    ]
    assert open_ended == []
