from __future__ import annotations

from typing import Any

import pytest

from gateway.audit.mappings.ocsf import NOT_MAPPED, mapping
from gateway.audit.mappings.parts import NotMapped, Producer
from gateway.audit.records.schema import EVENTS
from tests.unit.audit.mappings.ocsf_schema import SCHEMA, problems
from tests.unit.audit.samples import SAMPLES

TRAFFIC = {name: sample for name, sample in SAMPLES.items() if sample["event"] in {"decision", "end", "connection"}}
PRODUCER = Producer(version="0.1.0", log="gw-1")


def mapped(name: str) -> dict[str, Any]:
    event = mapping({"v": 1, "seq": 7} | SAMPLES[name], PRODUCER)
    assert isinstance(event, dict)
    return event


@pytest.mark.parametrize("name", TRAFFIC)
def test_an_event_is_as_the_published_schema_says(name: str) -> None:
    assert problems(mapped(name)) == []


def test_the_checker_of_events_finds_what_is_wrong() -> None:
    event = mapped("denied")
    for change, said in (
        ({"activity_id": 42}, "activity_id has no value"),
        ({"severity": "High"}, "caption"),
        ({"surprise": 1}, "is no attribute"),
        ({"time": "now"}, "time is no timestamp_t"),
        ({"src_endpoint": {"ip": "10.1.2.0/24"}}, "does not look like"),
        ({"src_endpoint": {"port": 1}}, "has 0 of"),
        ({"class_uid": 4001}, "is no attribute"),
        ({"metadata": {}}, "metadata.version is missing"),
    ):
        assert said in "; ".join(problems(event | change))


@pytest.mark.parametrize("event", EVENTS)
def test_every_kind_of_record_is_an_event_or_says_why_not(event: str) -> None:
    answer = mapping({"v": 1, "seq": 1, "time": "2026-11-23T10:00:00.000000Z", "event": event})

    assert isinstance(answer, dict) is (event not in NOT_MAPPED)
    assert not isinstance(answer, NotMapped) or event in answer.why


def test_a_denial_says_who_asked_for_what_and_which_rule_refused() -> None:
    event = mapped("denied")

    assert (event["class_uid"], event["activity_name"], event["type_uid"]) == (4002, "Get", 400203)
    assert (event["action_id"], event["disposition"], event["is_alert"]) == (2, "Blocked", True)
    assert event["firewall_rule"] == {
        "uid": "no-ads",
        "name": "no-ads",
        "category": "rule-deny",
        "match_location": "corporate.yaml:21",
        "match_details": ["no-ads", "no-upload"],
    }
    assert event["policy"] == {"name": "corporate", "uid": "sha256:00"}
    assert event["src_endpoint"] == {"ip": "10.1.2.3", "port": 51000}
    assert event["dst_endpoint"] == {"ip": "93.184.216.34", "hostname": "ads.example", "port": 443}
    assert event["actor"] == {"user": {"name": "alice", "groups": [{"name": "eng"}]}}
    assert event["http_request"]["url"]["url_string"] == "https://ads.example/x?token=REDACTED&page=REDACTED"
    assert (event["metadata"]["uid"], event["metadata"]["sequence"]) == ("gw-1:7", 7)
    assert event["time"] == 1795428000123


def test_what_has_no_place_is_not_lost() -> None:
    rest = mapped("denied")["unmapped"]

    assert rest["list"] == {"name": "ads", "entry": "ads.example", "age": "2d"}
    assert rest["decision"]["waived"] == [{"rule": "no-upload", "exception": "ex-041"}]
    assert rest["tls"] == {"sni": "ads.example", "mode": "inspected"}
    assert rest["identity"] == {"method": "certificate"}


def test_the_version_of_tls_and_the_type_of_an_answer_have_their_places() -> None:
    assert mapped("denied")["tls"] == {"version": "1.3", "sni": "ads.example"}
    assert "tls" not in mapped("spliced")
    assert mapped("end")["http_response"]["content_type"] == "text/html"
    assert "unmapped" not in mapped("end") or "response" not in mapped("end")["unmapped"]


@pytest.mark.parametrize(
    ("wanted", "name"),
    [
        ((1, "Allowed"), "allowed"),
        ((2, "Blocked"), "malformed"),
        ((2, "Blocked"), "broken"),
        ((2, "Blocked"), "refused"),
    ],
)
def test_what_was_done_is_told(wanted: tuple[int, str], name: str) -> None:
    event = mapped(name)

    assert (event["action_id"], event["disposition"]) == wanted


def test_a_client_that_is_not_named_by_an_address_has_none() -> None:
    assert mapped("hidden")["src_endpoint"] == {"name": "client-2026-11-" + "a" * 20}


def test_the_extract_says_where_it_comes_from() -> None:
    assert (SCHEMA["licence"], SCHEMA["version"]) == ("Apache-2.0", "1.8.0")
