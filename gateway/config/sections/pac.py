"""The section `pac`: what browsers are told by `/proxy.pac` and `/wpad.dat`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from gateway.config.settings import PacSettings
from gateway.policy.addresses import BITS, Address, Network
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.records import Key, optional, record
from gateway.policy.language.scalars import text
from gateway.policy.language.shapes import sequence
from gateway.policy.names import Host, parse_authority

if TYPE_CHECKING:
    from gateway.policy.language.records import Values

_UNSPECIFIED: Final = ("0.0.0.0", "::")  # noqa: S104 - addresses to refuse, not to bind
_OWN: Final = "wicketgate.internal"


def _proxy(written: str) -> tuple[Host, int]:
    host, port = parse_authority(written, None)
    if str(host) in _UNSPECIFIED:
        raise Malformed(
            f"{quoted(written)} is no address that a browser can reach, name one, `proxy.corp.example:8080`"
        )
    return host, port


def _direct(written: str) -> Host | Network | tuple[Host]:
    """A host, a network, or (in a tuple) a name that stands for all below it too."""
    if written.startswith("*"):
        raise Malformed(f"{quoted(written)}: for a name and all below it write {quoted('.' + written.lstrip('*.'))}")
    if "/" in written:
        return _narrow(Network.parse(written))
    host = Host.parse(written.removeprefix("."))
    if host.text == _OWN:
        raise Malformed(f"{quoted(written)} is answered by the proxy itself, leave it out")
    if host.address is not None:
        if written.startswith("."):
            raise Malformed(f"{quoted(written)}: there is nothing below an address, leave out the dot")
        return _only(host.address)
    return (host,) if written.startswith(".") else host


def _only(address: Address) -> Network:
    return Network(address.version, address.value, BITS[address.version])


def _narrow(network: Network) -> Network:
    if network.length == 0:
        raise Malformed(f"`{network}` is every address there is: without a proxy, leave the gateway out")
    return network


_DIRECT: Final = text("a host, `.example` for it and all below, or a network, like `10.0.0.0/8`").then(_direct)
_PROXY: Final = optional(
    "proxy",
    text("the address of the proxy, like `proxy.corp.example:8080`").then(_proxy),
    "The address that browsers are told; the one at which they asked if left out.",
    None,
)
_WITHOUT: Final[Key[tuple[Host | Network | tuple[Host], ...]]] = optional(
    "direct",
    sequence(_DIRECT, "[intranet.example, .corp.example, 10.0.0.0/8]", may_be_empty=True),
    "What browsers reach without the proxy.",
    (),
)


def _settings(values: Values) -> PacSettings:
    direct = values[_WITHOUT]
    return PacSettings(
        proxy=values[_PROXY],
        hosts=tuple(each for each in direct if isinstance(each, Host)),
        under=tuple(each[0] for each in direct if isinstance(each, tuple)),
        networks=tuple(each for each in direct if isinstance(each, Network)),
    )


PAC: Final = record(
    (_PROXY, _WITHOUT),
    _settings,
    wanted="`{proxy: proxy.corp.example:8080, direct: [.corp.example]}`",
)
