from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

import pytest

from gateway.audit.mappings.ecs import VERSION, mapping
from gateway.audit.mappings.parts import Producer
from gateway.audit.records.schema import EVENTS
from gateway.policy.addresses import Address
from tests.house.sources import ROOT
from tests.unit.audit.samples import SAMPLES

if TYPE_CHECKING:
    from collections.abc import Iterator

PUBLISHED: Final = json.loads((ROOT / "tests/data/ecs/fields-9.4.0.json").read_text("utf-8"))
FIELDS: Final = PUBLISHED["fields"]
PYTHON: Final = {"long": int, "keyword": str, "date": str, "ip": str, "wildcard": str, "match_only_text": str}


def mapped(name: str) -> dict[str, Any]:
    return mapping({"v": 1, "seq": 7} | SAMPLES[name], Producer("0.1.0", "gw-1"))


def leaves(document: dict[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in document.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{name}.")
        else:
            yield f"{prefix}{name}", value


@pytest.mark.parametrize("name", SAMPLES)
def test_every_field_is_one_of_the_published_schema_and_of_its_type(name: str) -> None:
    document = mapped(name)
    document.pop("wicketgate", None)

    for path, value in leaves(document):
        about = FIELDS[path]
        assert isinstance(value, list) is bool(about.get("array")), path
        for each in value if isinstance(value, list) else [value]:
            assert isinstance(each, PYTHON[about["type"]]), path
            assert each in about.get("allowed", {each}), path
            assert about["type"] != "ip" or str(Address.parse(str(each))) == each
    types = {kind for each in document["event"]["category"] for kind in FIELDS["event.category"]["allowed"][each]}
    assert set(document["event"]["type"]) <= types


@pytest.mark.parametrize("event", EVENTS)
def test_every_kind_of_record_is_a_document(event: str) -> None:
    document = mapping({"v": 1, "seq": 1, "time": "2026-11-23T10:00:00.000000Z", "event": event})

    assert document["event"]["action"] == event
    assert document["ecs"] == {"version": VERSION} == {"version": PUBLISHED["version"]}


def test_a_denial_says_who_asked_for_what_and_which_rule_refused() -> None:
    document = mapped("denied")

    assert document["@timestamp"] == "2026-11-23T10:00:00.123456Z"
    assert document["event"]["type"] == ["access", "denied"]
    assert (document["event"]["reason"], document["event"]["id"]) == ("rule-deny", "gw-1:7")
    assert document["rule"] == {"name": "no-ads", "ruleset": "corporate", "version": "sha256:00"}
    assert document["source"] == {"address": "10.1.2.3", "ip": "10.1.2.3", "port": 51000}
    assert document["destination"]["domain"] == "ads.example"
    assert document["url"]["full"] == "https://ads.example/x?token=REDACTED&page=REDACTED"
    assert document["wicketgate"]["list"]["entry"] == "ads.example"
    assert document["http"]["version"] == "2"
    assert document["tls"] == {"version": "1.3", "version_protocol": "tls", "client": {"server_name": "ads.example"}}
    assert document["wicketgate"]["identity"] == {"method": "certificate"}


def test_what_a_server_called_its_answer_is_not_what_ecs_calls_a_mime_type() -> None:
    document = mapped("end")

    assert "mime_type" not in document["http"]["response"]
    assert document["wicketgate"]["response"] == {"type": "text/html"}


def test_an_end_says_how_long_it_took_and_how_much_passed() -> None:
    document = mapped("broken")

    assert (document["event"]["outcome"], document["event"]["duration"]) == ("failure", 250_000_000)
    assert (document["source"]["bytes"], document["destination"]["bytes"]) == (5, 512)
    assert document["wicketgate"]["upstream"]["name"] == "app"


def test_a_client_that_is_not_named_by_an_address_has_none() -> None:
    assert mapped("hidden")["source"] == {"address": "client-2026-11-" + "a" * 20, "bytes": 1}
