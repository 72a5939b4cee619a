"""Whom the gateway believes when it dials with TLS: authorities, what they took back, and the oldest version of TLS.

All of it is read from files at once, or not at all. A CRL that is past its time is taken, and said: who was issued by
its authority cannot be checked with it and is refused, all others go on.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal, Protocol

from cryptography import x509

from gateway.policy.problems import Invalid, Place, Problem
from gateway.upstreams.revocation import Revoked, read_revoked

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path


class Sources(Protocol):
    """Where it is read from; paths are found from the working folder."""

    @property
    def trust(self) -> Sequence[Path]:
        """Files of authorities, PEM."""
        ...

    @property
    def system_roots(self) -> bool:
        """Whether the authorities of the machine count, too."""
        ...

    @property
    def revoked(self) -> Sequence[Path]:
        """CRLs and plain lists."""
        ...

    @property
    def minimum(self) -> Literal["1.2", "1.3"]:
        """The oldest version of TLS."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trust:
    """What upstreams are measured by. `notices` are sentences for the operator."""

    authorities: tuple[x509.Certificate, ...] = ()
    system_roots: bool = True
    revoked: Revoked = Revoked()  # noqa: RUF009 - the value is frozen, so that it can be shared
    minimum: Literal["1.2", "1.3"] = "1.2"
    notices: tuple[str, ...] = ()


def read_trust(sources: Sources, now: float) -> Trust:
    """Read every file of `sources`; `now` in seconds since the epoch. Raises Invalid with every problem."""
    problems: list[Problem] = []
    authorities: list[x509.Certificate] = []
    notices: list[str] = []
    revoked = Revoked()
    moment = datetime.fromtimestamp(now, UTC)
    for path in sources.trust:
        authorities += (found := _authorities(path, problems))
        notices += _stale_authorities(path, found, moment)
    for path in sources.revoked:
        content = _content(path, problems)
        if content is not None:
            revoked |= (read := read_revoked(content, str(path), problems))
            notices += _stale_crls(path, read, moment)
    if problems:
        raise Invalid(problems)
    return Trust(
        authorities=tuple(authorities),
        system_roots=sources.system_roots,
        revoked=revoked,
        minimum=sources.minimum,
        notices=tuple(notices),
    )


def _content(path: Path, problems: list[Problem]) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError as error:
        why = (error.strerror or "it cannot be read").lower()
        problems.append(Problem(Place(str(path), 1, 1), "", f"the file cannot be read: {why}"))
        return None


def _authorities(path: Path, problems: list[Problem]) -> list[x509.Certificate]:
    content = _content(path, problems)
    if content is None:
        return []
    try:
        return x509.load_pem_x509_certificates(content)
    except ValueError:
        problems.append(Problem(Place(str(path), 1, 1), "", "no certificate can be read here, give authorities in PEM"))
        return []


def _stale_authorities(path: Path, found: list[x509.Certificate], now: datetime) -> Iterator[str]:
    for each in found:
        if each.not_valid_after_utc < now:
            yield f"{path}: an authority has expired, nobody whom it vouches for is believed"


def _stale_crls(path: Path, read: Revoked, now: datetime) -> Iterator[str]:
    for each in read.crls:
        if each.next_update_utc is not None and each.next_update_utc < now:
            yield f"{path}: a CRL has expired, whoever its authority vouches for is refused until there is a new one"
