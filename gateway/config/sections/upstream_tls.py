"""The section `upstream_tls`: whom the gateway believes when it dials with TLS."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from gateway.config.settings import UpstreamTlsSettings
from gateway.policy.language.nodes import Mapping, Scalar, Sequence
from gateway.policy.language.records import Key, Values, optional, record
from gateway.policy.language.scalars import BOOLEAN, DURATION, choice, text
from gateway.policy.language.shapes import Read, Spot, sequence

_VERSIONS: Final[tuple[Literal["1.2", "1.3"], ...]] = ("1.2", "1.3")

_TRUST: Final[Key[tuple[str, ...]]] = optional(
    "trust", sequence(text("the path of a PEM file"), "[corp-root.pem]"), "Files of authorities to believe.", ()
)
_SYSTEM: Final = optional("system_roots", BOOLEAN, "Believe the authorities of this machine, too.", default=True)
_REVOKED: Final[Key[tuple[str, ...]]] = optional(
    "revoked",
    sequence(text("the path of a CRL or of a list"), "[revoked.txt]"),
    "CRLs, and lists of fingerprints or serial numbers.",
    (),
)
_MINIMUM: Final[Key[Literal["1.2", "1.3"]]] = optional(
    "minimum", choice(_VERSIONS), "The oldest version of TLS to speak.", "1.2"
)
_TIMEOUT: Final = optional("handshake_timeout", DURATION, "How long a handshake may take.", 10.0)


def _check_somebody_is_believed(node: Mapping, spot: Spot) -> None:
    system, trust = node.get("system_roots"), node.get("trust")
    names_nobody = trust is None or (isinstance(trust, Sequence) and not trust.items)
    if isinstance(system, Scalar) and system.value is False and names_nobody:
        spot.complain("nobody is trusted, so that no upstream can prove who it is: name authorities in `trust`")


def _settings(values: Values) -> Read[UpstreamTlsSettings]:
    return UpstreamTlsSettings(
        trust=tuple(map(Path, values[_TRUST])),
        system_roots=values[_SYSTEM],
        revoked=tuple(map(Path, values[_REVOKED])),
        minimum=values[_MINIMUM],
        handshake_timeout=values[_TIMEOUT],
    )


UPSTREAM_TLS: Final = record(
    (_TRUST, _SYSTEM, _REVOKED, _MINIMUM, _TIMEOUT),
    _settings,
    wanted="`{trust: [corp-root.pem], revoked: [revoked.txt]}`",
    rules=(_check_somebody_is_believed,),
)


def with_paths_from(base: Path, settings: UpstreamTlsSettings) -> UpstreamTlsSettings:
    """The same settings; relative paths in them start at `base`."""
    return replace(
        settings,
        trust=tuple(base / each for each in settings.trust),
        revoked=tuple(base / each for each in settings.revoked),
    )
