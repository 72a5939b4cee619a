"""The collector as an operator configured it: where it is, whom it has to prove to be, and what it is told of us."""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import TYPE_CHECKING

from gateway.audit.export.credentials import field_value, tls_context
from gateway.audit.export.posting import Posting
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from gateway.config.settings import TraceSettings
    from gateway.traces.encoding import Encoder
    from gateway.traces.spans import Span


@dataclass(frozen=True, slots=True)
class OtlpCollector:
    """Takes spans over OTLP/HTTP."""

    posting: Posting
    encoder: Encoder
    fields: Mapping[str, str]

    def deliver(self, spans: Sequence[Span]) -> int:
        """Post them. Those that a collector throws away are not sent again. Raises NotTaken, Hopeless."""
        from gateway.traces.encoding import TYPE, rejected  # noqa: PLC0415 - an extra

        return rejected(self.posting.post(self.encoder.body(spans), {"Content-Type": TYPE, **self.fields}))

    def close(self) -> None:
        """Hang up, if there is a connection."""
        self.posting.close()


def collector_of(settings: TraceSettings, version: str, environ: Mapping[str, str]) -> OtlpCollector:
    """The collector that is configured, nothing of it opened. Raises Malformed if a secret is not to be had."""
    from gateway.traces.encoding import Encoder  # noqa: PLC0415 - an extra

    context = tls_context(settings.trust) if settings.target.is_encrypted else None
    said = settings.authorization
    fields = {} if said is None else {"Authorization": field_value(said, environ)}
    return OtlpCollector(Posting(settings.target, context), Encoder(settings.service, version), fields)


def problems_of(settings: TraceSettings, environ: Mapping[str, str]) -> list[str]:
    """Everything that keeps traces from being sent."""
    problems = []
    if not _is_installed():
        problems.append("traces: the package `opentelemetry` is missing, install `wicketgate[tracing]`")
    try:
        if settings.authorization is not None:
            field_value(settings.authorization, environ)
        if settings.trust is not None:
            tls_context(settings.trust)
    except Malformed as error:
        problems.append(f"traces: {error}")
    return problems


def _is_installed() -> bool:
    try:
        wanted = ("opentelemetry.sdk.trace", "opentelemetry.exporter.otlp.proto.common")
        return all(find_spec(name) is not None for name in wanted)
    except ModuleNotFoundError:
        return False
