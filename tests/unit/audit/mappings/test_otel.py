from __future__ import annotations

import json
from typing import Any

import pytest
from google.protobuf.json_format import ParseDict
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from gateway.audit.mappings.otel import mapping, otlp_json
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.samples import SAMPLES

PRODUCER = Producer("0.1.0", "gw-1")


def mapped(name: str) -> dict[str, Any]:
    return mapping({"v": 1, "seq": 7} | SAMPLES[name], PRODUCER)


@pytest.mark.parametrize("name", SAMPLES)
def test_every_record_is_a_log_record_that_others_can_read(name: str) -> None:
    record = {"v": 1, "seq": 7} | SAMPLES[name]
    read = ParseDict(json.loads(json.dumps(otlp_json(record, PRODUCER))), LogRecord())

    assert read.time_unix_nano // 1000 == mapped(name)["time_unix_nano"] // 1000
    assert read.event_name == f"wicketgate.{record['event']}"
    assert read.body.string_value == mapped(name)["body"]
    assert {each.key for each in read.attributes} == mapped(name)["attributes"].keys()
    assert len(read.attributes) == len(mapped(name)["attributes"])


def test_a_denial_says_who_asked_for_what_and_which_rule_refused() -> None:
    value = mapped("denied")
    wanted = {
        "log.record.uid": "gw-1:7",
        "client.address": "10.1.2.3",
        "client.port": 51000,
        "user.name": "alice",
        "http.request.method": "GET",
        "http.response.status_code": 403,
        "url.path": "/x",
        "url.query": "token=REDACTED&page=REDACTED",
        "server.address": "ads.example",
        "network.peer.address": "93.184.216.34",
        "network.protocol.name": "http",
        "network.protocol.version": "2",
        "tls.protocol.name": "tls",
        "tls.protocol.version": "1.3",
        "wicketgate.identity.method": "certificate",
        "security_rule.name": "no-ads",
        "wicketgate.decision.reason": "rule-deny",
        "wicketgate.decision.matched": ["no-ads", "no-upload"],
        "wicketgate.decision.waived": '[{"rule":"no-upload","exception":"ex-041"}]',
        "wicketgate.list.entry": "ads.example",
    }

    assert {name: value["attributes"].get(name) for name in wanted} == wanted
    assert (value["severity_number"], value["severity_text"]) == (10, "INFO2")
    assert value["time_unix_nano"] == 1795428000123456000


@pytest.mark.parametrize(
    ("severity", "name"), [("INFO", "allowed"), ("INFO2", "refused"), ("WARN", "policy"), ("ERROR", "gap")]
)
def test_what_is_graver_is_more_severe(severity: str, name: str) -> None:
    assert mapped(name)["severity_text"] == severity


@pytest.mark.parametrize("name", SAMPLES)
def test_nothing_that_is_known_is_lost(name: str) -> None:
    said = json.dumps(mapped(name), ensure_ascii=False)

    for value in leaves(SAMPLES[name]):
        assert str(value) in said or value in {SAMPLES[name]["time"], "http/1.1", "h2"}


def leaves(part: Any) -> list[Any]:
    match part:
        case dict():
            return [leaf for each in part.values() for leaf in leaves(each)]
        case list():
            return [leaf for each in part for leaf in leaves(each)]
        case str() if '"' not in part and "\n" not in part:
            return [part]
        case _:
            return []
