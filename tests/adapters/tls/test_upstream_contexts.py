from __future__ import annotations

import pytest
from OpenSSL import SSL, crypto

from addons.tls.upstream_contexts import refusing, upstream_context
from gateway.policy.model import Reason
from gateway.upstreams.revocation import Revoked
from gateway.upstreams.trust import Trust
from tests.e2e.certificates import Certified, Wish, authority

CODES = SSL.X509VerificationCodes


@pytest.fixture(scope="module")
def shown() -> Certified:
    return authority().signs(Wish())


def asked(revoked: Revoked, shown: Certified, error: int = CODES.OK) -> tuple[bool, object]:
    connection = SSL.Connection(upstream_context(Trust(system_roots=False), verify=True))
    certificate = crypto.X509.from_cryptography(shown.certificate)
    return refusing(revoked)(connection, certificate, error, 0, int(error == CODES.OK)), connection.get_app_data()


def test_a_certificate_that_a_list_names_is_refused_by_it(shown: Certified) -> None:
    fingerprint = frozenset({bytes.fromhex(shown.fingerprint.replace(":", ""))})
    serial = frozenset({shown.certificate.serial_number})

    assert asked(Revoked(fingerprints=fingerprint), shown) == (False, Reason.UPSTREAM_REVOKED)
    assert asked(Revoked(serials=serial), shown) == (False, Reason.UPSTREAM_REVOKED)
    assert asked(Revoked(serials=frozenset({1})), shown) == (True, None)


@pytest.mark.parametrize(
    "error",
    [CODES.ERR_CERT_HAS_EXPIRED, CODES.ERR_HOSTNAME_MISMATCH, CODES.ERR_CRL_HAS_EXPIRED, CODES.ERR_CERT_REVOKED],
)
def test_an_error_stays_one(error: int, shown: Certified) -> None:
    assert asked(Revoked(), shown, error) == (False, None)


def test_that_there_is_no_crl_of_an_authority_is_none(shown: Certified) -> None:
    assert asked(Revoked(), shown, CODES.ERR_UNABLE_TO_GET_CRL) == (True, None)


@pytest.mark.parametrize(("mode", "verify"), [(SSL.VERIFY_PEER, True), (SSL.VERIFY_NONE, False)])
def test_a_context_verifies_unless_it_is_told_not_to(mode: int, *, verify: bool) -> None:
    assert upstream_context(Trust(), verify=verify).get_verify_mode() == mode
