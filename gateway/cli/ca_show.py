"""`wicketgate ca show`: every authority with its role, for people and for programs."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any

from gateway.authority import exports
from gateway.authority.constraints import Constraints
from gateway.authority.keeping import read
from gateway.cli.outcome import Unusable
from gateway.cli.output import answer

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from cryptography import x509

    from gateway.authority.keeping import Kept


def show_authority(given: Namespace) -> None:
    """Print what is known of every authority in the state folder. Raises Unusable if there is none."""
    kept = authorities(given.state)
    answer(given.format, _lines(kept), {"authorities": [_data(each) for each in kept]})


def authorities(state: Path) -> tuple[Kept, ...]:
    """What is in the state folder, the one that signs first. Raises Unusable if there is none."""
    kept = read(state / "ca")
    if not kept:
        raise Unusable(
            f"ca: there is no authority in `{state}` yet, a forward proxy makes one on its first start "
            "(name its folder with `--state`)"
        )
    return kept


def _lines(kept: Sequence[Kept]) -> Iterator[str]:
    for each in kept:
        yield f"{each.role:<8}{each.certificate.subject.rfc4514_string()}"
        yield from (f"  {name:<12}{value}" for name, value in _facts(each.certificate))
        if each.anchor != each.certificate:
            yield f"  {'issued by':<12}{each.certificate.issuer.rfc4514_string()}"
            yield f"  {'to install':<12}{each.anchor.subject.rfc4514_string()}"
            yield from (f"    {name:<10}{value}" for name, value in _facts(each.anchor)[:2])
        yield f"  {'file':<12}{each.file}"


def _facts(certificate: x509.Certificate) -> list[tuple[str, str]]:
    facts = [
        ("SHA-256", exports.fingerprint(certificate, "SHA-256")),
        ("SHA-1", exports.fingerprint(certificate, "SHA-1")),
        ("valid", f"{certificate.not_valid_before_utc:%Y-%m-%d} to {certificate.not_valid_after_utc:%Y-%m-%d}"),
    ]
    constraints = Constraints.of(certificate)
    facts += [("permitted", ", ".join(map(str, constraints.permitted)))] if constraints.permitted else []
    facts += [("excluded", ", ".join(map(str, constraints.excluded)))] if constraints.excluded else []
    if dt.datetime.now(dt.UTC) >= certificate.not_valid_after_utc:
        facts.append(("expired", "yes"))
    return facts


def _data(each: Kept) -> dict[str, Any]:
    constraints = Constraints.of(each.certificate)
    return {
        "role": each.role,
        **_identity(each.certificate),
        "not_before": each.certificate.not_valid_before_utc.isoformat(),
        "not_after": each.certificate.not_valid_after_utc.isoformat(),
        "permitted": [str(tree) for tree in constraints.permitted],
        "excluded": [str(tree) for tree in constraints.excluded],
        "chain": [_identity(above) for above in each.chain],
        "install": _identity(each.anchor),
        "file": str(each.file),
    }


def _identity(certificate: x509.Certificate) -> dict[str, str]:
    return {
        "subject": certificate.subject.rfc4514_string(),
        "sha256": exports.fingerprint(certificate, "SHA-256"),
        "sha1": exports.fingerprint(certificate, "SHA-1"),
    }
