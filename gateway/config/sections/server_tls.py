"""The key `tls` of a reverse listener: what it shows to clients, and what it wants to be shown."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Final, Literal

from gateway.config.settings import CertificateSettings, ClientAuth, ServerTlsSettings
from gateway.policy.language.nodes import Mapping, Scalar
from gateway.policy.language.records import Key, Values, optional, record, required
from gateway.policy.language.scalars import BOOLEAN, choice, text
from gateway.policy.language.shapes import Read, Shape, Spot, sequence

_FILE: Final = text("the path of a PEM file")
_CERTIFICATE: Final = required("certificate", _FILE, "The certificate, and its chain behind it.")
_KEY: Final = required("key", _FILE, "Its key.")
_DEFAULT: Final = optional("default", BOOLEAN, "Show it where no other is for the host.", default=False)

_SHOWN: Final = record(
    (_CERTIFICATE, _KEY, _DEFAULT),
    lambda values: CertificateSettings(
        certificate=Path(values[_CERTIFICATE]), key=Path(values[_KEY]), default=values[_DEFAULT]
    ),
    wanted="a certificate, like `{certificate: shop.pem, key: shop.key}`",
)

_MODES: Final[tuple[ClientAuth, ...]] = ("off", "optional", "required")
_VERSIONS: Final[tuple[Literal["1.2", "1.3"], ...]] = ("1.2", "1.3")

_CERTIFICATES: Final[Key[tuple[CertificateSettings, ...]]] = required(
    "certificates", sequence(_SHOWN, "[{certificate: shop.pem, key: shop.key}]"), "What clients are shown."
)
_CLIENT_AUTH: Final = optional("client_auth", choice(_MODES), "Whether clients have certificates.", _MODES[0])
_CLIENT_CA: Final[Key[str | None]] = optional("client_ca", _FILE, "The authorities that clients are measured by.", None)
_CLIENT_CRL: Final[Key[str | None]] = optional("client_crl", _FILE, "What these authorities took back.", None)
_MINIMUM: Final = optional("minimum", choice(_VERSIONS), "The oldest version of TLS to speak.", _VERSIONS[0])


def _check_clients(node: Mapping, spot: Spot) -> None:
    asks, authorities, crl = node.get("client_auth"), node.get("client_ca"), node.get("client_crl")
    wanted = asks.text if isinstance(asks, Scalar) else _MODES[0]
    if wanted == _MODES[0]:
        for name, given in (("client_ca", authorities), ("client_crl", crl)):
            if given is not None:
                sentence = f"no client is asked for a certificate, write `client_auth: required` or leave `{name}` out"
                spot.key(name, given).complain(sentence)
    elif wanted in _MODES and authorities is None:
        spot.complain("`client_ca` is missing: clients are measured by the authorities in it")


def _settings(values: Values) -> Read[ServerTlsSettings]:
    authorities, crl = values[_CLIENT_CA], values[_CLIENT_CRL]
    return ServerTlsSettings(
        certificates=values[_CERTIFICATES],
        client_auth=values[_CLIENT_AUTH],
        client_ca=None if authorities is None else Path(authorities),
        client_crl=None if crl is None else Path(crl),
        minimum=values[_MINIMUM],
    )


SERVER_TLS: Final[Shape[ServerTlsSettings]] = record(
    (_CERTIFICATES, _CLIENT_AUTH, _CLIENT_CA, _CLIENT_CRL, _MINIMUM),
    _settings,
    wanted="`{certificates: [{certificate: shop.pem, key: shop.key}]}`",
    rules=(_check_clients,),
)


def shown_from(base: Path, settings: ServerTlsSettings | None) -> ServerTlsSettings | None:
    """The same settings; relative paths in them start at `base`."""
    if settings is None:
        return None
    return replace(
        settings,
        certificates=tuple(
            replace(each, certificate=base / each.certificate, key=base / each.key) for each in settings.certificates
        ),
        client_ca=None if settings.client_ca is None else base / settings.client_ca,
        client_crl=None if settings.client_crl is None else base / settings.client_crl,
    )
