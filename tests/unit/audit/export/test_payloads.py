from __future__ import annotations

import base64
import hashlib
import hmac

import pytest
from google.protobuf.json_format import Parse
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from gateway.audit.export.forms import Former
from gateway.audit.export.payloads import lines_body, otlp_body, rejected, webhook_fields
from gateway.audit.export.rules import Choice
from gateway.audit.mappings.parts import Producer
from tests.unit.audit.export.logged import LOG, line, message, nobody

PRODUCER = Producer("1.2.3", LOG)


def test_a_request_of_otlp_is_one_for_its_own_definition() -> None:
    lines = [(seq, line(seq, "start", version="x")[:-1]) for seq in (1, 2)]
    messages = Former("otel", Choice(), PRODUCER).messages(lines, nobody)

    found = Parse(otlp_body(messages, PRODUCER, "gw-1"), ExportLogsServiceRequest())

    (resource,) = found.resource_logs
    assert {each.key: each.value.string_value for each in resource.resource.attributes} == {
        "service.name": "wicketgate",
        "service.version": "1.2.3",
        "service.instance.id": LOG,
        "host.name": "gw-1",
    }
    (scope,) = resource.scope_logs
    assert (scope.scope.name, scope.scope.version) == ("wicketgate.audit", "1.2.3")
    assert [each.event_name for each in scope.log_records] == ["wicketgate.start", "wicketgate.start"]
    assert [each.time_unix_nano for each in scope.log_records] == [1_795_428_000_123_456_000] * 2


@pytest.mark.parametrize(
    ("wanted", "answer"),
    [
        ((0, ""), b""),
        ((0, ""), b"{}"),
        ((0, ""), b"nonsense"),
        ((0, ""), b'{"partialSuccess":{}}'),
        ((0, ""), b'{"partialSuccess":7}'),
        ((3, "too old"), b'{"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"too old"}}'),
    ],
)
def test_what_a_collector_threw_away_is_known(wanted: tuple[int, str], answer: bytes) -> None:
    assert wanted == rejected(answer)


def test_json_lines_are_lines() -> None:
    assert lines_body([message(1, "{}"), message(2, "{}")]) == b"{}\n{}\n"


def test_a_signature_is_over_name_time_and_body() -> None:
    fields = webhook_fields([message(5), message(9)], LOG, b"body", b"key", 1_790_000_000.9)

    digest = hmac.new(b"key", f"{LOG}:5-9.1790000000.body".encode(), hashlib.sha256).digest()
    assert fields == {
        "webhook-id": f"{LOG}:5-9",
        "webhook-timestamp": "1790000000",
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def test_without_a_secret_nothing_is_signed() -> None:
    assert "webhook-signature" not in webhook_fields([message(5)], LOG, b"body", None, 0.0)
