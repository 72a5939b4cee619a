from __future__ import annotations

import pytest
from OpenSSL import SSL

from addons.judging.refusals import ERRORS, STATUSES
from addons.tls.failures import BY_CODE, BY_WORDS, verify_result, why_failed
from addons.tls.upstream_contexts import upstream_context
from gateway.policy.model import ALLOWING, Reason
from gateway.upstreams.trust import Trust


def failed(*words: str) -> Reason:
    connection = SSL.Connection(upstream_context(Trust(system_roots=False), verify=True))
    return why_failed(connection, SSL.Error([("SSL routines", "", each) for each in words]))


@pytest.mark.parametrize(
    ("wanted", "words"),
    [
        (Reason.UPSTREAM_TLS_NOT_AGREED, "tlsv1 alert protocol version"),
        (Reason.UPSTREAM_TLS_NOT_AGREED, "tls alert handshake failure"),
        (Reason.UPSTREAM_TLS_NOT_AGREED, "ssl/tls alert handshake failure"),
        (Reason.UPSTREAM_TLS_NOT_AGREED, "unsupported protocol"),
        (Reason.UPSTREAM_NO_TLS, "wrong version number"),
        (Reason.UPSTREAM_WEAK_CERTIFICATE, "ee key too small"),
        (Reason.UPSTREAM_UNTRUSTED, "a word of tomorrow"),
        (Reason.UPSTREAM_UNTRUSTED, "certificate verify failed"),
    ],
)
def test_an_error_outside_of_verification_is_known_by_its_words(wanted: Reason, words: str) -> None:
    assert failed(words) is wanted
    assert failed("internal error", words) is wanted


def test_an_error_without_words_is_a_refusal_all_the_same() -> None:
    connection = SSL.Connection(upstream_context(Trust(system_roots=False), verify=True))

    assert why_failed(connection, SSL.Error()) is Reason.UPSTREAM_UNTRUSTED
    assert why_failed(connection, SSL.SysCallError(-1, "Unexpected EOF")) is Reason.UPSTREAM_UNTRUSTED
    assert verify_result(connection) == SSL.X509VerificationCodes.OK


def test_what_a_list_revoked_wins() -> None:
    connection = SSL.Connection(upstream_context(Trust(system_roots=False), verify=True))
    connection.set_app_data(Reason.UPSTREAM_REVOKED)
    error = SSL.Error([("SSL routines", "", "certificate verify failed")])

    assert why_failed(connection, error) is Reason.UPSTREAM_REVOKED


def test_no_failure_is_a_reason_to_allow() -> None:
    reasons = {*BY_CODE.values(), *BY_WORDS.values()}

    assert reasons & ALLOWING == set()
    assert {each for each in reasons if not each.value.startswith("upstream-")} == set()


@pytest.mark.parametrize("reason", sorted({*BY_CODE.values(), *BY_WORDS.values(), Reason.UPSTREAM_UNTRUSTED}))
def test_every_failure_is_a_502_that_says_what_kind_it_is(reason: Reason) -> None:
    assert STATUSES[reason] == 502
    assert ERRORS[reason] in {"tls_certificate_error", "tls_protocol_error"}
