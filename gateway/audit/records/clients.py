"""How the log writes a client's address: as it is, without what tells one household from another, or as a token.

A token is a keyed hash (HMAC-SHA-256, RFC 2104) under the key of its month: all that one client did in a month can be
put together, nothing that it did in two, and without the key nobody can say or try out which address it was.
What is no longer known cannot be asked for: when the key of a month is erased, its tokens mean nothing to anybody.
"""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.records.times import timestamp
from gateway.policy.addresses import BITS, Address, Network
from gateway.policy.model import FactName, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from gateway.audit.records.record import Record
    from gateway.policy.model import Fact

_NETWORK: Final = {4: 24, 6: 48}
"""The bits of an address that are kept: a street rather than a house."""
_MONTH: Final = len("2026-11")
_DIGITS: Final = 20
_REMEMBERED: Final = 10_000


type ClientName = Callable[[Address, float], str]
"""What the log calls a client; the moment in seconds since the epoch. Raises AuditUnavailable."""


def truncated(address: Address, _now: float = 0.0) -> str:
    """The network of an address: `10.1.2.0/24`, `2001:db8::/48`."""
    kept = _NETWORK[address.version]
    rest = BITS[address.version] - kept
    return str(Network(address.version, address.value >> rest << rest, kept))


def token(address: Address, month: str, secret: bytes) -> str:
    """What a client is called in a month, `2026-11`, under the secret of that month."""
    return f"client-{month}-{hmac.digest(secret, address.packed, 'sha256').hex()[:_DIGITS]}"


@dataclass(slots=True)
class Keyed:
    """Names clients by tokens: `client-2026-11-` and 20 hexadecimal digits.

    `key` gives the secret of a month, `2026-11`; it is asked for once a month, and may raise AuditUnavailable.
    """

    key: Callable[[str], bytes]
    _month: str = ""
    _secret: bytes = b""
    _named: dict[Address, str] = field(default_factory=dict)

    def __call__(self, address: Address, now: float) -> str:
        """The token of a client in the month of `now`, UTC."""
        month = timestamp(now)[:_MONTH]
        if month != self._month:
            self._secret = self.key(month)
            self._month = month
            self._named.clear()
        if address not in self._named:
            if len(self._named) >= _REMEMBERED:
                self._named.clear()
            self._named[address] = token(address, month, self._secret)
        return self._named[address]

    def __len__(self) -> int:
        return len(self._named)


def hidden_in(value: object, address: Address, name: str) -> object:
    """A value of a record without this address, wherever it stands in it as it is written; `name` takes its place."""
    match value:
        case str():
            return value.replace(str(address), name)
        case list():
            return [hidden_in(each, address, name) for each in value]
        case dict():
            return {key: hidden_in(each, address, name) for key, each in value.items()}
        case _:
            return value


def hidden_entry(entry: str, address: Address, name: str) -> str:
    """The entry of a list as it may be written down: one that tells a client's address tells its name instead.

    A network that holds more than `truncated` would tell is no secret.
    """
    try:
        network = Network.parse(entry)
    except ValueError:
        return entry
    return name if address in network and network.length > _NETWORK[network.version] else entry


def hide_client(record: Record, client: Fact[Address], balancer: Address | None, named: ClientName, now: float) -> None:
    """Write the client's name in place of its address, wherever a record may hold that."""
    who, masked = record["client"], record["masked"]
    if not isinstance(who, dict) or not isinstance(masked, list):
        raise TypeError("a decision record has a client")
    who["port"] = None
    masked.append("/client/port")
    if balancer is not None:
        who["balancer"] = named(balancer, now)
        masked.append("/client/balancer")
    if isinstance(client, Missing):
        return
    who["ip"] = name = named(client, now)
    masked.append("/client/ip")
    _hide_elsewhere(record, client, name)


def _hide_elsewhere(record: Record, client: Address, name: str) -> None:
    """A client's address may stand in what it asked for, in the entry of a list, in the key of a limit, in words."""
    for part in ("request", "decision", "limits"):
        record[part] = hidden_in(record[part], client, name)
    for key in _keys_of_limits(record):
        if FactName.CLIENT_IP in key:
            key[FactName.CLIENT_IP.value] = name
    hit = record["list"]
    if isinstance(hit, dict):
        hit["entry"] = hidden_entry(hit["entry"], client, name)


def _keys_of_limits(record: Record) -> Iterator[Record]:
    limits = record["limits"]
    for limit in limits if isinstance(limits, list) else ():
        yield limit["key"]
