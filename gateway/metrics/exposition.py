"""A snapshot as Prometheus reads it: the text format 0.0.4, or OpenMetrics for whoever says to prefer it.

`prometheus_client` writes both, and is imported by the first who asks.
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Final

from gateway.metrics.families import BOUNDS, FAMILIES, GRAIN, Kind
from gateway.metrics.snapshot import Distribution

if TYPE_CHECKING:
    from collections.abc import Iterator

    from prometheus_client.metrics_core import Metric

    from gateway.metrics.families import Family
    from gateway.metrics.snapshot import Series, Snapshot

OPENMETRICS: Final = "application/openmetrics-text"
"""What a client accepts that prefers OpenMetrics."""


def render(snapshot: Snapshot, accept: str = "") -> tuple[bytes, str]:
    """The text and its media type, as the client of that `Accept` wants it."""
    from prometheus_client import CollectorRegistry  # noqa: PLC0415 - only for whom metrics are written
    from prometheus_client.exposition import choose_encoder  # noqa: PLC0415 - the same

    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Shown(snapshot))
    encode, kind = choose_encoder(accept)
    return encode(registry), kind


class _Shown:
    """What `prometheus_client` calls a collector."""

    def __init__(self, snapshot: Snapshot) -> None:
        self._snapshot: Final = snapshot

    def describe(self) -> list[Metric]:
        return []

    def collect(self) -> Iterator[Metric]:
        for family in FAMILIES.values():
            if series := self._snapshot.of(family):
                yield _metric(family, series)


def _metric(family: Family, series: Series) -> Metric:
    from prometheus_client.metrics_core import Metric  # noqa: PLC0415 - only for whom metrics are written

    base = family.name.removesuffix("_total")
    metric = Metric(base, f"{family.help}.", family.kind.value, family.unit)
    for values, value in series.items():
        labels = dict(zip(family.labels, values, strict=True))
        if isinstance(value, Distribution):
            _add_distribution(metric, labels, value)
        else:
            name = family.name if family.kind is Kind.COUNTER else base
            metric.add_sample(name, labels, _scaled(value, family.grain))
    return metric


def _add_distribution(metric: Metric, labels: dict[str, str], value: Distribution) -> None:
    ends = [*map(str, BOUNDS), "+Inf"]
    for end, count in zip(ends, accumulate(value.counts), strict=True):
        metric.add_sample(f"{metric.name}_bucket", {**labels, "le": end}, count)
    metric.add_sample(f"{metric.name}_count", labels, sum(value.counts))
    metric.add_sample(f"{metric.name}_sum", labels, value.total / GRAIN)


def _scaled(value: int, grain: int) -> float:
    return value if grain == 1 else value / grain
