"""The keys of the section `audit` that say how much of a client and of its requests is written down."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from gateway.audit.records.disclosure import is_secret
from gateway.config.settings import ClientAddress, DisclosureSettings
from gateway.policy.errors import Malformed, quoted
from gateway.policy.headers import field_name
from gateway.policy.language.nodes import Mapping, Scalar
from gateway.policy.language.records import Key, Values, optional
from gateway.policy.language.scalars import choice, integer, text
from gateway.policy.language.shapes import sequence

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Shape, Spot

_STOCK: Final = DisclosureSettings()
_LONGEST_KEEPING: Final = 120


def _shown(name: str) -> str:
    if is_secret(name):
        raise Malformed(f"{quoted(name)} proves who somebody is or where they are: no record may hold it, leave it out")
    return name


def _shown_field(name: str) -> str:
    return _shown(field_name(name))


_CLIENTS: Final[tuple[ClientAddress, ...]] = ("full", "truncated", "keyed")
_CLIENT_ADDRESS: Final[Key[ClientAddress]] = optional(
    "client_address", choice(_CLIENTS), "How addresses of clients are written.", _STOCK.client_address
)
_CLIENT_KEYS: Final = optional(
    "client_keys", integer(1, _LONGEST_KEEPING), "For how many months their keys are kept.", _STOCK.client_keys
)
_PARAMETER: Final[Shape[str]] = text("the name of a parameter, like `page`").then(_shown)
_FIELD: Final[Shape[str]] = text("the name of a field, like `user-agent`").then(_shown_field)
_QUERY_VALUES: Final[Key[tuple[str, ...]]] = optional(
    "query_values", sequence(_PARAMETER, "[page]"), "Parameters whose values are written down.", ()
)
_FIELD_VALUES: Final[Key[tuple[str, ...]]] = optional(
    "field_values", sequence(_FIELD, "[user-agent]"), "Fields of requests whose values are written down.", ()
)
DISCLOSED: Final[tuple[Key[Any], ...]] = (_CLIENT_ADDRESS, _CLIENT_KEYS, _QUERY_VALUES, _FIELD_VALUES)
"""The keys."""


def disclosed(values: Values) -> DisclosureSettings:
    """What they say."""
    return DisclosureSettings(
        client_address=values[_CLIENT_ADDRESS],
        client_keys=values[_CLIENT_KEYS],
        query_values=frozenset(values[_QUERY_VALUES]),
        field_values=frozenset(values[_FIELD_VALUES]),
    )


def check_keys(node: Mapping, spot: Spot) -> None:
    """Complain of `client_keys` where there are none."""
    keys, how = node.get("client_keys"), node.get("client_address")
    if keys is not None and not (isinstance(how, Scalar) and how.text == "keyed"):
        spot.key("client_keys", keys).complain("only `client_address: keyed` has keys, leave it out")
