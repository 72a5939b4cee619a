"""The section `traces`: which collector of OpenTelemetry is told of exchanges, and whose traces are gone on with."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.export.targets import parse_target
from gateway.config.sections.export import AUTHORIZATION, TRUST, check_target, secret_from
from gateway.config.settings import Follow, Inject, TraceSettings
from gateway.policy.errors import Malformed
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import PERCENT, choice, kebab, text

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Read

_FOLLOW: Final[tuple[Follow, ...]] = ("trusted", "all", "none")
_INJECT: Final[tuple[Inject, ...]] = ("reverse", "both")
_PATH: Final = "/v1/traces"


_ENDPOINT: Final = required("endpoint", text("a URL, like `https://collector.example:4318`"), "Where the collector is.")
_SAMPLE: Final = optional("sample", PERCENT, "The share of exchanges that is told.", 1.0)
_PARENT: Final[Key[Follow]] = optional("parent", choice(_FOLLOW), "Whose traces are gone on with.", "trusted")
_SEND: Final[Key[Inject]] = optional("inject", choice(_INJECT), "Which listeners tell servers of the trace.", "reverse")
_SERVICE: Final = optional("service", kebab("a name, like `edge-gateway`"), "What the gateway is called.", "wicketgate")


def _traces(values: Values) -> Read[TraceSettings]:
    target, trust = parse_target(values[_ENDPOINT], ("https", "http")), values[TRUST]
    if not (target.is_encrypted or target.is_here):
        raise Malformed("spans say who asked for what and go over the network: use `https://`")
    check_target(target, trust, values[AUTHORIZATION])
    return TraceSettings(
        target=replace(target, path=_PATH) if target.path == "/" else target,
        sample=values[_SAMPLE],
        parent=values[_PARENT],
        inject=values[_SEND],
        service=values[_SERVICE],
        trust=None if trust is None else Path(trust),
        authorization=values[AUTHORIZATION],
    )


TRACES: Final = record(
    (_ENDPOINT, _SAMPLE, _PARENT, _SEND, _SERVICE, TRUST, AUTHORIZATION),
    _traces,
    wanted='a collector, like `{endpoint: "https://collector.example:4318", sample: 10%}`',
)


def traces_from(base: Path, traces: TraceSettings | None) -> TraceSettings | None:
    """The same; relative paths start at `base`."""
    if traces is None:
        return None
    trust = None if traces.trust is None else base / traces.trust
    return replace(traces, trust=trust, authorization=secret_from(base, traces.authorization))
