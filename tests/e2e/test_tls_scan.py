"""The front door as a scanner of TLS sees it, which tries everything that was ever standardised."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import pytest
from cryptolyzer.tls.ciphers import AnalyzerCipherSuites
from cryptolyzer.tls.client import L7ClientTls
from cryptolyzer.tls.curves import AnalyzerCurves
from cryptolyzer.tls.dhparams import AnalyzerDHParams
from cryptolyzer.tls.extensions import AnalyzerExtensions
from cryptolyzer.tls.sigalgos import AnalyzerSigAlgos
from cryptolyzer.tls.versions import AnalyzerVersions
from cryptolyzer.tls.vulnerabilities import AnalyzerVulnerabilities
from cryptoparser.tls.version import TlsProtocolVersion, TlsVersion

from tests.e2e.protected import Protected, protected

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e

NAME: Final = "localhost"
"""The scanner resolves the name that it asks for."""


@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Protected]:
    with protected(tmp_path_factory.mktemp("scan"), is_secure=False) as found:
        yield found


def scan(analyzer: Any, here: Protected, version: str | None = None) -> Any:
    """What an analyzer finds, over one version of TLS or all."""
    client = L7ClientTls(NAME, here.gateway.reverse, ip="127.0.0.1")
    return analyzer().analyze(client, None if version is None else TlsProtocolVersion(TlsVersion[version]))


def names(found: list[Any]) -> set[str]:
    return {each.name for each in found}


def test_tls_1_2_and_1_3_are_spoken_and_nothing_older(here: Protected) -> None:
    assert [each.version.name for each in scan(AnalyzerVersions, here).versions] == ["TLS1_2", "TLS1_3"]


@pytest.mark.parametrize(
    ("version", "ciphers"),
    [
        (
            "TLS1_2",
            {
                "TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384",
                "TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256",
                "TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256",
            },
        ),
        ("TLS1_3", {"TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256", "TLS_AES_128_GCM_SHA256"}),
    ],
)
def test_every_cipher_has_forward_secrecy_and_authenticates_what_it_hides(
    version: str, ciphers: set[str], here: Protected
) -> None:
    found = scan(AnalyzerCipherSuites, here, version)

    assert names(found.cipher_suites) == ciphers
    assert (found.cipher_suite_preference, found.long_cipher_suite_list_intolerance) == (True, False)


def test_keys_are_exchanged_on_modern_curves_alone(here: Protected) -> None:
    older, newer = (names(scan(AnalyzerCurves, here, version).curves) for version in ("TLS1_2", "TLS1_3"))

    curves = {"X25519", "SECP256R1", "SECP384R1"}
    assert {"X25519", "SECP256R1"} <= older <= curves
    assert older <= newer <= curves | {"X25519_ML_KEM_768", "SECP256R1_ML_KEM_768"}
    assert [scan(AnalyzerDHParams, here, version).groups for version in ("TLS1_2", "TLS1_3")] == [[], []]


def test_nothing_is_signed_over_a_short_hash(here: Protected) -> None:
    assert names(scan(AnalyzerSigAlgos, here, "TLS1_2").sig_algos) == {"ECDSA_SHA256", "ECDSA_SHA384", "ECDSA_SHA512"}


def test_nothing_is_compressed_and_the_protocols_are_those_of_the_listener(here: Protected) -> None:
    found = scan(AnalyzerExtensions, here, "TLS1_2")

    assert names(found.compression_methods) == {"NULL"}
    assert names(found.application_layer_protocols) == {"H2", "HTTP_1_1"}
    assert found.extended_master_secret_supported
    assert found.renegotiation_supported, "a client that asks for RFC 5746 is not answered"
    assert not found.session_cache_supported


def test_no_attack_that_has_a_name_works(here: Protected) -> None:
    found = scan(AnalyzerVulnerabilities, here)

    weak = [
        name
        for part in (found.ciphers, found.dhparams, found.versions)
        for name, each in vars(part).items()
        if each is not None and each.value
    ]
    assert weak == []
    assert len(vars(found.ciphers)) > 5
