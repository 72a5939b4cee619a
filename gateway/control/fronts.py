"""What a reverse listener shows to its clients and wants to be shown, in force: replaced as a whole or not at all.

A reload that meets any problem changes nothing and says so, as with policies; a start that meets one does not happen.
Two files are never changed at one moment: a pair that does not belong together is refused, and read again when the
second one has changed, too.
"""

from __future__ import annotations

import asyncio
import datetime as dt
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Literal

from cryptography import x509

from gateway.audit.records.events import certificates_record
from gateway.authority.shown import Shown, read_certificates, read_file, read_shown
from gateway.policy.problems import Invalid, Place, Problem

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from gateway.audit.records.events import Cause
    from gateway.audit.records.record import Record
    from gateway.config.settings import ClientAuth, ServerTlsSettings
    from gateway.policy.names import Host

_SOON: Final = dt.timedelta(days=14)


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Shopfront:
    """What is shown under which name, and by what clients are measured. `notices` are sentences for the operator."""

    shown: tuple[Shown, ...]
    client_auth: ClientAuth = "off"
    authorities: tuple[x509.Certificate, ...] = ()
    crls: tuple[x509.CertificateRevocationList, ...] = ()
    minimum: Literal["1.2", "1.3"] = "1.2"
    notices: tuple[str, ...] = ()
    _by_name: dict[str, Shown] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_by_name", {name: each for each in self.shown for name in each.names})

    def find(self, host: Host | None) -> Shown | None:
        """The certificate for a host: one with its name, one with a wildcard for it, the default one, or none."""
        if host is not None and host.address is None:
            name = host.text
            found = self._by_name.get(name) or self._by_name.get(f"*.{name.partition('.')[2]}")
            if found is not None:
                return found
        return next((each for each in self.shown if each.is_default), None)


def read_shopfront(settings: ServerTlsSettings, now: float) -> Shopfront:
    """Read every file; `now` in seconds since the epoch. Raises Invalid with every problem."""
    problems: list[Problem] = []
    moment = dt.datetime.fromtimestamp(now, dt.UTC)
    shown = [
        read_shown(each.certificate, each.key, moment, problems, is_default=each.default)
        for each in settings.certificates
    ]
    problems += _collisions(settings, shown)
    authorities = () if settings.client_ca is None else tuple(read_certificates(settings.client_ca, problems))
    crls = () if settings.client_crl is None else tuple(_read_crls(settings.client_crl, problems))
    if problems:
        raise Invalid(problems)
    found = tuple(each for each in shown if each is not None)
    notices = (*_expiring(settings, found, moment), *_stale(settings, authorities, crls, moment))
    return Shopfront(found, settings.client_auth, authorities, crls, settings.minimum, notices)


def _collisions(settings: ServerTlsSettings, shown: Sequence[Shown | None]) -> Iterator[Problem]:
    """What would leave open which certificate is shown."""
    taken: dict[str, Path] = {}
    for given, each in zip(settings.certificates, shown, strict=True):
        place = Place(str(given.certificate), 1, 1)
        if given.default:
            first = taken.setdefault("", given.certificate)
            if first is not given.certificate:
                yield Problem(place, "", f"`{first}` is the default certificate already, there can be one alone")
        for name in sorted(each.names if each is not None else ()):
            first = taken.setdefault(name, given.certificate)
            if first is not given.certificate:
                yield Problem(place, "", f"`{name}` is also named by `{first}`, leave one of the two out")


def _read_crls(file: Path, problems: list[Problem]) -> list[x509.CertificateRevocationList]:
    content = read_file(file, problems)
    if content is None:
        return []
    found = []
    with suppress(ValueError):
        end = b"-----END X509 CRL-----"
        found = [x509.load_pem_x509_crl(block + end) for block in content.split(end)[:-1]]
    if not found:
        problems.append(Problem(Place(str(file), 1, 1), "", "no CRL can be read here, give it in PEM"))
    return found


def _expiring(settings: ServerTlsSettings, shown: Sequence[Shown], now: dt.datetime) -> Iterator[str]:
    for given, each in zip(settings.certificates, shown, strict=True):
        if each.certificate.not_valid_after_utc - now < _SOON:
            yield f"{given.certificate}: the certificate expires on {each.certificate.not_valid_after_utc:%Y-%m-%d}"


def _stale(
    settings: ServerTlsSettings,
    authorities: Sequence[x509.Certificate],
    crls: Sequence[x509.CertificateRevocationList],
    now: dt.datetime,
) -> Iterator[str]:
    if any(each.not_valid_after_utc < now for each in authorities):
        yield f"{settings.client_ca}: an authority has expired, no client whom it vouches for is believed"
    if any(each.next_update_utc is not None and each.next_update_utc < now for each in crls):
        yield f"{settings.client_crl}: a CRL has expired, its authority's clients are refused until there is a new one"


class FrontStore:
    """Holds the shopfront of one listener; `clock` gives seconds since the epoch, `record` writes an audit record."""

    def __init__(
        self,
        listener: str,
        settings: ServerTlsSettings,
        clock: Callable[[], float],
        record: Callable[[Record], object],
    ) -> None:
        self._listener: Final = listener
        self._settings = settings
        self._clock: Final = clock
        self._record: Final = record
        self._current: Shopfront | None = None

    @property
    def current(self) -> Shopfront:
        """What is in force now. Raises RuntimeError before the start."""
        if self._current is None:
            raise RuntimeError("nothing can be shown yet, the store was not started")
        return self._current

    def start(self) -> Shopfront:
        """Read it for the first time. Raises Invalid with every problem."""
        return self._adopt(read_shopfront(self._settings, self._clock()), "start")

    async def reload_aside(self, cause: Cause) -> Shopfront:
        """Read it again, in a thread, and put it in force. Raises Invalid, and then what was in force still is."""
        try:
            return self._adopt(await asyncio.to_thread(read_shopfront, self._settings, self._clock()), cause)
        except Invalid as error:
            self._tell("refused", tuple(map(str, error.problems)), cause)
            raise

    @property
    def files(self) -> tuple[Path, ...]:
        """What is read."""
        pairs = [file for each in self._settings.certificates for file in (each.certificate, each.key)]
        others = (self._settings.client_ca, self._settings.client_crl)
        return (*pairs, *(each for each in others if each is not None))

    def point_at(self, settings: ServerTlsSettings) -> bool:
        """Read what these settings say from now on; whether they say something else. What is in force stays so."""
        if settings == self._settings:
            return False
        self._settings = settings
        return True

    def _adopt(self, shopfront: Shopfront, cause: Cause) -> Shopfront:
        """Record, then swap."""
        self._tell("loaded", shopfront.notices, cause)
        self._current = shopfront
        return shopfront

    def _tell(self, outcome: Literal["loaded", "refused"], problems: tuple[str, ...], cause: Cause) -> None:
        self._record(
            certificates_record(
                outcome=outcome,
                listener=self._listener,
                files=[str(each) for each in self.files],
                problems=problems,
                now=self._clock(),
                cause=cause,
            )
        )
