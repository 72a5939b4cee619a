"""The section `admin`: where the gateway is looked after, and who may come there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from gateway.config.endpoints import parse_bind
from gateway.config.settings import AdminSettings, CertificateSettings
from gateway.policy.addresses import Address, Network
from gateway.policy.errors import Malformed, quoted
from gateway.policy.language.nodes import Mapping, Node, Scalar
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, choice, text
from gateway.policy.language.shapes import Read, Shape, Spot, sequence
from gateway.policy.names import Host
from gateway.policy.problems import Problem
from gateway.upstreams.parents import leads_to

if TYPE_CHECKING:
    from gateway.config.settings import Settings

_OFF: Final = "off"
_LOOPBACK: Final = (Network.parse("127.0.0.0/8"), Network.parse("::1/128"))


def is_loopback(address: Address) -> bool:
    """Whether nobody but this machine can reach it."""
    return any(address in each for each in _LOOPBACK)


def parse_admin_bind(written: str) -> tuple[Address, int]:
    """Read `127.0.0.1:8090`. Raises Malformed; a port that the system chooses would be one that nobody knows."""
    address, port = parse_bind(written)
    if port == 0:
        raise Malformed(f"{quoted(written)}: name the port, like `127.0.0.1:8090`, or leave `admin` out")
    return address, port


_FILE: Final = text("the path of a PEM file")
_CERTIFICATE: Final = required("certificate", _FILE, "The certificate, and its chain behind it.")
_KEY: Final = required("key", _FILE, "Its key.")
_TLS: Final = record(
    (_CERTIFICATE, _KEY),
    lambda values: CertificateSettings(certificate=Path(values[_CERTIFICATE]), key=Path(values[_KEY])),
    wanted="a certificate, like `{certificate: admin.pem, key: admin.key}`",
)
_METRICS: Final[tuple[Literal["token", "open"], ...]] = ("token", "open")

_BIND: Final = required("bind", text("an address, like `127.0.0.1:8090`").then(parse_admin_bind), "Where to listen.")
_HOSTS: Final[Key[tuple[Host, ...]]] = optional(
    "hosts", sequence(text("a name").then(Host.parse), "[gateway.corp.example]"), "Names by which browsers ask.", ()
)
_SHOWN: Final[Key[CertificateSettings | None]] = optional("tls", _TLS, "What is shown to clients.", None)
_UNSAFE: Final = optional(
    "unsafe_without_tls", BOOLEAN, "Do without TLS where others can listen to the token.", default=False
)
_OPEN: Final = optional("metrics", choice(_METRICS), "Whether `/metrics` needs a token, or is `open`.", _METRICS[0])


def _check_reach(node: Mapping, spot: Spot) -> None:
    """Beyond this machine, the token must not be sent for all to read, unless somebody says that it may."""
    bind, shown, unsafe = node.get("bind"), node.get("tls"), node.get("unsafe_without_tls")
    try:
        address = parse_bind(bind.text)[0] if isinstance(bind, Scalar) else None
    except Malformed:
        return
    accepted = isinstance(unsafe, Scalar) and unsafe.value is True
    if bind is not None and address is not None and not is_loopback(address) and shown is None and not accepted:
        spot.key("bind", bind).complain(
            f"{quoted(str(address))} can be reached from other machines, and the token would be sent in plain text: "
            "add `tls: {certificate: admin.pem, key: admin.key}`, or accept that with `unsafe_without_tls: true`"
        )
    if unsafe is not None and accepted and (shown is not None or (address is not None and is_loopback(address))):
        spot.key("unsafe_without_tls", unsafe).complain("there is nothing to accept here, leave it out")


def _settings(values: Values) -> Read[AdminSettings]:
    return AdminSettings(
        bind=values[_BIND],
        hosts=values[_HOSTS],
        tls=values[_SHOWN],
        unsafe_without_tls=values[_UNSAFE],
        open_metrics=values[_OPEN] == "open",
    )


_SECTION: Final = record(
    (_BIND, _HOSTS, _SHOWN, _UNSAFE, _OPEN),
    _settings,
    wanted="`off`, or where to listen, like `{bind: 127.0.0.1:8090}`",
    rules=(_check_reach,),
)


def _read(node: Node, spot: Spot) -> Read[AdminSettings | None]:
    if isinstance(node, Scalar) and node.text == _OFF:
        return None
    return _SECTION.read(node, spot)


ADMIN: Final[Shape[AdminSettings | None]] = Shape(_SECTION.wanted, _SECTION.schema, _read)


def admin_from(base: Path, settings: AdminSettings | None) -> AdminSettings | None:
    """The same settings; relative paths in them start at `base`."""
    if settings is None or settings.tls is None:
        return settings
    shown = settings.tls
    return replace(settings, tls=replace(shown, certificate=base / shown.certificate, key=base / shown.key))


def own_upstreams(node: Node, settings: Settings) -> list[Problem]:
    """The admin side is no server of an upstream: nobody gets there through the gateway."""
    if settings.admin is None:
        return []
    own = frozenset({settings.admin.bind})
    section = node.get("upstreams") if isinstance(node, Mapping) else None
    places = {each.key: each.place for each in section.entries} if isinstance(section, Mapping) else {}
    return [
        Problem(
            places.get(upstream.name, node.place),
            f"upstreams.{upstream.name}",
            f"`{server}` is the admin side of this gateway, which nobody reaches through it: name another server",
        )
        for upstream in settings.upstreams.values()
        for server in upstream.servers
        if leads_to(server.host, server.port, own, settings.resolver.hosts)
    ]
