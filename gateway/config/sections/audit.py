"""The section `audit`: how decisions are written down, and how much of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.audit.disclosure import is_secret
from gateway.config.sections.common import not_yet, only
from gateway.config.settings import AuditSettings, ClientAddress
from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import field_name
from gateway.policy.language.nodes import Mapping, Scalar
from gateway.policy.language.records import Key, Values, optional, record
from gateway.policy.language.scalars import choice, integer, text
from gateway.policy.language.shapes import sequence

if TYPE_CHECKING:
    from collections.abc import Callable

    from gateway.policy.language.shapes import Read, Spot

_STOCK: Final = AuditSettings()
_LONGEST_KEEPING: Final = 120


def _shown(name: str) -> str:
    if is_secret(name):
        raise Malformed(f"{quoted(name)} proves who somebody is or where they are: no record may hold it, leave it out")
    return name


def _shown_field(name: str) -> str:
    return _shown(field_name(name))


def _names(wanted: str, example: str, read: Callable[[str], str]) -> Key[tuple[str, ...]]:
    name, _, what = wanted.partition(" ")
    return optional(name, sequence(text(f"a name, like `{example}`").then(read), f"[{example}]"), what, ())


_DURABILITY: Final = optional(
    "durability", only("batched", "sync", "relaxed"), "When records reach the disk.", "batched"
)
_ON_FAILURE: Final = optional("on_failure", only("closed", "open", "deny_only"), "When they cannot.", "closed")
_CLIENTS: Final[tuple[ClientAddress, ...]] = ("full", "truncated", "keyed")
_CLIENT_ADDRESS: Final[Key[ClientAddress]] = optional(
    "client_address", choice(_CLIENTS), "How addresses of clients are written.", _STOCK.client_address
)
_CLIENT_KEYS: Final = optional(
    "client_keys", integer(1, _LONGEST_KEEPING), "For how many months their keys are kept.", _STOCK.client_keys
)
_QUERY_VALUES: Final = _names("query_values Parameters whose values are written down.", "page", _shown)
_FIELD_VALUES: Final = _names("field_values Fields of requests whose values are.", "user-agent", _shown_field)


def _audit(values: Values) -> Read[AuditSettings]:
    return AuditSettings(
        client_address=values[_CLIENT_ADDRESS],
        client_keys=values[_CLIENT_KEYS],
        query_values=frozenset(values[_QUERY_VALUES]),
        field_values=frozenset(values[_FIELD_VALUES]),
    )


def _check_keys(node: Mapping, spot: Spot) -> None:
    keys, how = node.get("client_keys"), node.get("client_address")
    if keys is not None and not (isinstance(how, Scalar) and how.text == "keyed"):
        spot.key("client_keys", keys).complain("only `client_address: keyed` has keys, leave it out")


AUDIT: Final = record(
    (_DURABILITY, _ON_FAILURE, _CLIENT_ADDRESS, _CLIENT_KEYS, _QUERY_VALUES, _FIELD_VALUES),
    _audit,
    wanted="the audit log, like `{durability: batched}`",
    also=not_yet("rotate", "retain", "export"),
    rules=(_check_keys,),
)
