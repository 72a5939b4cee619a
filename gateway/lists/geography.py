"""Where addresses are: the country and the autonomous system that the databases of a policy give.

A database that cannot be read, or addresses of one name in several countries, leave the fact unknown, which counts
against the request. An address that no database knows has neither: that is known, too.

Source: MaxMind DB file format 2.0; keys as in GeoLite2 and DB-IP (`country.iso_code`, `autonomous_system_number`).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from gateway.policy.model import ABSENT, UNKNOWN, Fact

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.policy.addresses import Address

_OPEN_AT_ONCE: Final = 8


@dataclass(frozen=True, slots=True)
class Whereabouts:
    """What is known of where a destination is: an ISO 3166 code, and the number of an autonomous system."""

    country: Fact[str]
    asn: Fact[int]


@dataclass(slots=True)
class Geography:
    """Looks addresses up. Databases are opened when they are first asked, and kept open while policies use them."""

    _readers: dict[tuple[str, str], Any] = field(default_factory=dict)

    def find(self, databases: Sequence[tuple[str, str]], addresses: Sequence[Address]) -> Whereabouts:
        """Where all of `addresses` are; `databases` are paths with the digests of what was judged at them."""
        try:
            found = [self._merged(databases, address) for address in addresses]
        except (OSError, ValueError, RuntimeError):
            return Whereabouts(UNKNOWN, UNKNOWN)
        return Whereabouts(_agreed([_country(each) for each in found]), _agreed([_asn(each) for each in found]))

    def _merged(self, databases: Sequence[tuple[str, str]], address: Address) -> dict[str, Any]:
        known: dict[str, Any] = {}
        for database in databases:
            entry = self._reader(database).get(str(address))
            if isinstance(entry, dict):
                known |= entry
        return known

    def _reader(self, database: tuple[str, str]) -> Any:
        import maxminddb  # noqa: PLC0415 - most policies have no database

        if database not in self._readers:
            if len(self._readers) >= _OPEN_AT_ONCE:
                self._readers.pop(next(iter(self._readers))).close()
            self._readers[database] = maxminddb.open_database(database[0])
        return self._readers[database]


def _country(entry: dict[str, Any]) -> Fact[str]:
    country = entry.get("country")
    code = country.get("iso_code") if isinstance(country, dict) else entry.get("country_code")
    return code if isinstance(code, str) else ABSENT


def _asn(entry: dict[str, Any]) -> Fact[int]:
    number = entry.get("autonomous_system_number")
    return number if isinstance(number, int) else ABSENT


def _agreed[T](answers: list[Fact[T]]) -> Fact[T]:
    """The one answer for all addresses; several answers, or none, are no answer."""
    return answers[0] if answers and all(each == answers[0] for each in answers) else UNKNOWN
