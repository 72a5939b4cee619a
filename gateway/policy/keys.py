"""Under which key a limit counts a request: the values of its key facts.

A fact without a value counts under a key of its own, shared by all who lack it: whoever hides a fact shares one budget
with everybody who hides it. Long values are keyed by their digest, so that a key stays small whatever a client sends.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from gateway.policy.matchers.address import destinations
from gateway.policy.matchers.words import READERS
from gateway.policy.model import FactName, Missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from gateway.policy.compiled import Key
    from gateway.policy.model import Fact, Facts

LONGEST: Final = 64
"""Characters of a value that is its own key."""


def key_of(facts: Sequence[str]) -> Callable[[Facts], Key]:
    """What reads the key for these facts, spelt as in a policy."""
    parts = tuple(_part(fact) for fact in facts)
    if len(parts) == 1:
        only = parts[0]
        return lambda facts: (only(facts),)
    return lambda facts: tuple(part(facts) for part in parts)


def _part(fact: str) -> Callable[[Facts], object]:
    name, _, argument = fact.partition(".") if fact.startswith(("header.", "query.")) else (fact, "", "")
    match FactName(name):
        case FactName.HEADER:
            return lambda facts: _valued(facts.headers, lambda fields: tuple(map(_short, fields.get_all(argument))))
        case FactName.QUERY:
            return lambda facts: _valued(
                facts.target,
                lambda target: tuple(_short(value) for key, value in target.parameters() if key == argument),
            )
        case simple:
            return SIMPLE.get(simple) or READERS[simple]


def _valued[T](fact: Fact[T], key: Callable[[T], object]) -> object:
    return fact if isinstance(fact, Missing) else key(fact)


def _short(text: str) -> str | bytes:
    return text if len(text) <= LONGEST else blake2b(text.encode("utf-8", "surrogatepass"), digest_size=16).digest()


SIMPLE: Final[Mapping[FactName, Callable[[Facts], object]]] = {
    FactName.CLIENT_IP: lambda facts: _valued(facts.client_ip, lambda address: address.bucket),
    FactName.DESTINATION_IP: lambda facts: _valued(
        destinations(facts), lambda found: frozenset(address.bucket for address in found)
    ),
    FactName.HOST: lambda facts: _valued(facts.host, lambda host: host.text),
    FactName.TLS_SNI: lambda facts: _valued(facts.tls_sni, lambda host: host.text),
    FactName.PATH: lambda facts: _valued(facts.target, lambda target: _short(target.forms[0])),
    FactName.GROUP: lambda facts: facts.groups,
    FactName.USER: lambda facts: _valued(facts.user, _short),
}
"""The facts whose key is not simply their value."""
