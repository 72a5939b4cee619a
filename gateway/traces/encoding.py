"""Spans as OTLP/HTTP carries them. The one module that imports OpenTelemetry, and it is imported by the exporter alone.

Source: OTLP 1.9, "OTLP/HTTP", binary protobuf encoding, "Partial Success".
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from google.protobuf.message import DecodeError
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import SpanContext, SpanKind, Status, StatusCode, TraceFlags

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.traces.spans import Span

TYPE: Final = "application/x-protobuf"
_NAME: Final = "wicketgate"
_KINDS: Final = {"server": SpanKind.SERVER, "client": SpanKind.CLIENT}


class Encoder:
    """Encodes spans of one service. What the environment says in `OTEL_RESOURCE_ATTRIBUTES` is told as well."""

    def __init__(self, service: str, version: str) -> None:
        self._resource: Final = Resource.create({"service.name": service, "service.version": version})
        self._scope: Final = InstrumentationScope(_NAME, version)

    def body(self, spans: Sequence[Span]) -> bytes:
        """The body of one request."""
        body: bytes = encode_spans([self._readable(each) for each in spans]).SerializeToString()
        return body

    def _readable(self, span: Span) -> ReadableSpan:
        return ReadableSpan(
            name=span.name,
            context=_context(span, span.context.span, is_remote=False),
            parent=None if span.parent is None else _context(span, span.parent, is_remote=span.is_remote),
            resource=self._resource,
            attributes=span.attributes,
            kind=_KINDS[span.kind],
            status=Status(StatusCode.ERROR if span.failed else StatusCode.UNSET),
            start_time=span.began,
            end_time=span.ended,
            instrumentation_scope=self._scope,
        )


def _context(span: Span, name: str, *, is_remote: bool) -> SpanContext:
    flags = TraceFlags(TraceFlags.SAMPLED)
    return SpanContext(int(span.context.trace, 16), int(name, 16), is_remote, flags)


def rejected(answer: bytes) -> int:
    """How many spans a collector threw away that answered so; what cannot be read says nothing."""
    try:
        count: int = ExportTraceServiceResponse.FromString(answer).partial_success.rejected_spans
    except DecodeError:
        return 0
    return count
