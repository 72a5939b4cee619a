from __future__ import annotations

from pathlib import Path

import pytest

from gateway.config.sections.server_tls import shown_from
from gateway.config.settings import CertificateSettings, ServerTlsSettings
from tests.unit.config.objections import APP, REVERSE, objections, read

SHOP = "{certificate: shop.pem, key: shop.key}"


def listener(tls: str) -> str:
    return APP + "listeners: [" + REVERSE + f"routes: [{{upstream: app}}], tls: {tls}}}]"


def test_what_a_listener_shows_is_read_and_found_from_where_the_configuration_lies() -> None:
    text = f"{{certificates: [{SHOP}, {{certificate: /etc/b.pem, key: b.key, default: true}}], "
    text += 'client_auth: required, client_ca: ca.pem, client_crl: crl.pem, minimum: "1.3"}'

    [found] = [each.tls for each in read(listener(text)).listeners]

    assert found is not None
    base = found.certificates[0].certificate.parent
    assert found == ServerTlsSettings(
        certificates=(
            CertificateSettings(certificate=base / "shop.pem", key=base / "shop.key"),
            CertificateSettings(certificate=Path("/etc/b.pem"), key=base / "b.key", default=True),
        ),
        client_auth="required",
        client_ca=base / "ca.pem",
        client_crl=base / "crl.pem",
        minimum="1.3",
    )


def test_without_more_clients_are_not_asked_who_they_are() -> None:
    [found] = [each.tls for each in read(listener(f"{{certificates: [{SHOP}], client_auth: off}}")).listeners]

    assert found is not None
    assert (found.client_auth, found.client_ca, found.client_crl, found.minimum) == ("off", None, None, "1.2")
    assert shown_from(Path("/srv"), None) is None


@pytest.mark.parametrize(
    ("said", "tls"),
    [
        (
            "tls: `certificates` is missing, here belongs a list, like `[{certificate: shop.pem, key: shop.key}]`",
            "{}",
        ),
        ("tls: `client_ca` is missing: clients are measured by the authorities in it", "client_auth: required"),
        ("tls: `client_ca` is missing: clients are measured by the authorities in it", "client_auth: optional"),
        (
            (
                "tls.client_ca: no client is asked for a certificate, "
                "write `client_auth: required` or leave `client_ca` out"
            ),
            "client_ca: ca.pem",
        ),
        (
            (
                "tls.client_crl: no client is asked for a certificate, "
                "write `client_auth: required` or leave `client_crl` out"
            ),
            "client_auth: off, client_crl: crl.pem",
        ),
        ("tls.minimum: `1.1` is unknown here, did you mean `1.3`?", 'minimum: "1.1"'),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_way_out(said: str, tls: str) -> None:
    text = tls if tls == "{}" else f"{{certificates: [{SHOP}], {tls}}}"

    assert [f"listeners[0].{said}"] == objections(listener(text))
