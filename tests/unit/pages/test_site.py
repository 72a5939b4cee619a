from __future__ import annotations

import plistlib
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives.serialization.pkcs12 import load_pkcs12
from cryptography.x509 import load_der_x509_certificate, load_pem_x509_certificates

from gateway.config.settings import PacSettings
from gateway.pages.home import PATHS
from gateway.pages.site import MOST_KEPT, Answer, Asked, Site

if TYPE_CHECKING:
    from cryptography.x509 import Certificate


@pytest.fixture
def asked(certificates: tuple[Certificate, Certificate]) -> Asked:
    return Asked(
        path="/", proxy="10.0.0.5:8080", through=True, certificates=certificates, policy="corporate", digest="sha256:1"
    )


def get(asked: Asked, path: str, site: Site | None = None) -> Answer:
    """The answer to a GET."""
    return (site or Site(PacSettings())).answer("GET", replace(asked, path=path))


@pytest.mark.parametrize(
    ("kind", "path"),
    [
        ("text/html; charset=utf-8", "/"),
        ("text/html; charset=utf-8", "/welcome"),
        ("application/pem-certificate-chain", "/ca.pem"),
        ("application/x-x509-ca-cert", "/ca.der"),
        ("application/x-pkcs12", "/ca.p12"),
        ("application/x-apple-aspen-config", "/ca.mobileconfig"),
        ("application/x-ns-proxy-autoconfig", "/proxy.pac"),
        ("application/x-ns-proxy-autoconfig", "/wpad.dat"),
    ],
)
def test_every_path_has_its_media_type_and_cannot_be_read_by_other_sites(kind: str, path: str, asked: Asked) -> None:
    answer = get(asked, path)
    fields = dict(answer.fields)

    assert (answer.status, fields["Content-Type"]) == (200, kind)
    assert fields["Cross-Origin-Resource-Policy"] == "same-origin"
    assert fields["X-Content-Type-Options"] == "nosniff"
    assert [name for name in fields if name.startswith("Access-Control-")] == []


@pytest.mark.parametrize(
    ("way", "name"),
    [("attachment", "ca.pem"), ("attachment", "ca.p12"), ("inline", "ca.der"), ("inline", "ca.mobileconfig")],
)
def test_files_are_saved_or_handed_to_what_installs_them_under_the_name_of_the_recipes(
    way: str, name: str, asked: Asked
) -> None:
    assert dict(get(asked, f"/{name}").fields)["Content-Disposition"] == f'{way}; filename="gateway-{name}"'


def test_the_certificate_is_the_same_in_every_format(asked: Asked) -> None:
    used, former = asked.certificates

    assert load_pem_x509_certificates(get(asked, "/ca.pem").body) == [used, former]
    assert load_der_x509_certificate(get(asked, "/ca.der").body) == used
    store = load_pkcs12(get(asked, "/ca.p12").body, b"wicketgate")
    assert [each.certificate for each in store.additional_certs] == [used, former]
    assert store.key is None
    (payload,) = plistlib.loads(get(asked, "/ca.mobileconfig").body)["PayloadContent"]
    assert load_der_x509_certificate(payload["PayloadContent"]) == used


def test_where_clients_name_no_proxy_there_is_no_configuration_of_it(asked: Asked) -> None:
    unnamed = replace(asked, proxy=None)

    assert [get(unnamed, path).status for path in ("/proxy.pac", "/wpad.dat", "/ca.pem")] == [404, 404, 200]
    assert b"Automatic configuration" not in get(unnamed, "/").body


def test_without_an_authority_there_is_no_certificate_to_get(asked: Asked) -> None:
    bare = replace(asked, certificates=())

    assert [get(bare, path).status for path in ("/ca.pem", "/ca.mobileconfig", "/proxy.pac")] == [404, 404, 200]
    assert b"fingerprint" not in get(bare, "/").body


def test_nothing_of_a_key_is_in_any_answer(asked: Asked) -> None:
    assert [path for path in PATHS if b"PRIVATE KEY" in get(asked, path).body] == []


def test_the_two_names_of_the_auto_configuration_hold_the_same(asked: Asked) -> None:
    assert get(asked, "/proxy.pac").body == get(asked, "/wpad.dat").body
    assert b'"PROXY 10.0.0.5:8080"' in get(asked, "/wpad.dat").body


def test_what_is_not_there_and_what_cannot_be_done_is_said_in_the_same_style(asked: Asked) -> None:
    missing = get(asked, "/other")
    refused = Site(PacSettings()).answer("POST", asked)

    assert (missing.status, refused.status) == (404, 405)
    assert dict(refused.fields)["Allow"] == "GET, HEAD"
    assert "Content-Security-Policy" in dict(missing.fields)
    assert b"<h1>There is no such page here</h1>" in missing.body
    assert b"/other" not in missing.body


def test_an_answer_is_made_once_and_again_when_authority_or_policy_is_another(asked: Asked) -> None:
    site = Site(PacSettings())
    first = site.answer("GET", asked)
    renewed = replace(asked, certificates=asked.certificates[:1])

    assert site.answer("HEAD", replace(asked)) is first
    assert site.answer("GET", replace(asked, digest="sha256:2")) is not first
    assert site.answer("GET", renewed).body != first.body


def test_clients_that_ask_under_ever_new_names_fill_no_memory(asked: Asked) -> None:
    site = Site(PacSettings())
    first = site.answer("GET", asked)
    for number in range(MOST_KEPT):
        site.answer("GET", replace(asked, path="/wpad.dat", proxy=f"wpad.n{number}.example:80"))

    again = site.answer("GET", asked)
    assert again is not first
    assert again == first
