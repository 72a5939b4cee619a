from __future__ import annotations

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import Span as Sent
from opentelemetry.proto.trace.v1.trace_pb2 import Status

from gateway.traces.encoding import Encoder, rejected
from tests.unit.traces.drawn import TRACE, span


def test_spans_are_what_the_protocol_says() -> None:
    remote = span(1, parent=f"{9:016x}", is_remote=True)
    child = span(2, parent=f"{1:016x}", kind="client", failed=True)

    found = ExportTraceServiceRequest.FromString(Encoder("edge", "1.2").body([remote, child]))

    (resource,) = found.resource_spans
    told = {each.key: each.value.string_value for each in resource.resource.attributes}
    assert (told["service.name"], told["service.version"]) == ("edge", "1.2")
    server, client = resource.scope_spans[0].spans
    assert (server.trace_id.hex(), server.span_id.hex(), server.parent_span_id.hex()) == (
        TRACE,
        f"{1:016x}",
        f"{9:016x}",
    )
    assert (server.kind, client.kind) == (Sent.SPAN_KIND_SERVER, Sent.SPAN_KIND_CLIENT)
    assert (server.start_time_unix_nano, server.end_time_unix_nano, server.name) == (1_000, 2_000, "GET")
    assert {each.key for each in server.attributes} == {"url.path", "http.response.status_code"}
    assert (server.status.code, client.status.code) == (Status.STATUS_CODE_UNSET, Status.STATUS_CODE_ERROR)
    assert client.parent_span_id == server.span_id
    assert server.trace_state == ""


def test_what_a_collector_threw_away_is_counted() -> None:
    partial = ExportTraceServiceResponse(partial_success=ExportTracePartialSuccess(rejected_spans=3))

    assert rejected(partial.SerializeToString()) == 3
    assert rejected(b"") == 0
    assert rejected(b"no protobuf at all") == 0
