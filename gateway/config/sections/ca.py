"""The section `ca`: what an authority will be like when it is made, and for which hosts any may sign."""

from __future__ import annotations

from typing import Final

from gateway.config.settings import AuthoritySettings
from gateway.policy.addresses import Network
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.records import Key, Values, optional, record
from gateway.policy.language.scalars import DURATION, text
from gateway.policy.language.shapes import Read, sequence
from gateway.policy.names import Host

_DAY: Final = 86_400.0
_SHORTEST: Final = _DAY
_LONGEST: Final = 7300 * _DAY
_NAME_LENGTH: Final = 40


def _tree(written: str) -> str:
    """A name with all below it, or a network, in its one spelling."""
    if "/" in written:
        return str(Network.parse(written))
    if "*" in written:
        better = written.removeprefix("*").removeprefix(".")
        raise Malformed(f"{quoted(written)}: a name stands for itself and all below it, write `{better}`")
    host = Host.parse(written)
    return host.text if host.address is None else str(Network.parse(host.text))


def _span(seconds: float) -> float:
    if _SHORTEST <= seconds <= _LONGEST:
        return seconds
    raise Malformed("an authority lives between `1d` and `7300d`, twenty years")


_TREES: Final = sequence(
    text("a name with all below it, or a network, like `corp.example` or `10.0.0.0/8`").then(_tree), "[corp.example]"
)
_STOCK: Final = AuthoritySettings()
_NAME: Final = optional(
    "name", text("a name, like `Example Ltd`", longest=_NAME_LENGTH), "Whose authority it is.", _STOCK.name
)
_PERMITTED: Final[Key[tuple[str, ...]]] = optional("permitted", _TREES, "Hosts it may sign for; all if left out.", ())
_EXCLUDED: Final[Key[tuple[str, ...]]] = optional("excluded", _TREES, "Hosts it may never sign for.", ())
_LIFETIME: Final = optional("lifetime", DURATION.then(_span), "How long it holds.", _STOCK.lifetime)


def _settings(values: Values) -> Read[AuthoritySettings]:
    return AuthoritySettings(
        name=values[_NAME], permitted=values[_PERMITTED], excluded=values[_EXCLUDED], lifetime=values[_LIFETIME]
    )


CA: Final = record(
    (_NAME, _PERMITTED, _EXCLUDED, _LIFETIME),
    _settings,
    wanted="the authority, like `{permitted: [corp.example]}`",
)
