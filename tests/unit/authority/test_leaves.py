from __future__ import annotations

import datetime as dt
import ipaddress
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.x509.verification import PolicyBuilder, Store, VerificationError

from gateway.authority.leaves import LONGEST, renewal, sign_leaf
from gateway.authority.making import make, planned
from gateway.authority.signers import Authority, AuthorityUnusable
from gateway.policy.errors import Malformed
from tests.authorities import NOW, Issued, issue

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC = KEY.public_key()
SITE = "site.example"
ROOT = issue("A company's root")
OF_EC = issue("Of EC", ROOT, path_length=0)
OF_RSA = issue("Of RSA", ROOT, path_length=0, key=rsa.generate_private_key(65537, 2048))


def brought(issued: Issued) -> Authority:
    return Authority(issued.certificate, issued.key, (ROOT.certificate,))


def openssl(leaf: x509.Certificate, authority: Authority, folder: Path, *names: str) -> str:
    """What `openssl verify` says of a chain, as strictly as it can."""
    for name, certificates in {
        "leaf": [leaf],
        "sent": [*authority.sent, authority.certificate],
        "root": [authority.anchor],
    }.items():
        (folder / name).write_bytes(b"".join(Issued(each, authority.key).pem for each in certificates))
    files = [*("-CAfile", str(folder / "root"), "-untrusted", str(folder / "sent")), *names, str(folder / "leaf")]
    command = ["openssl", "verify", "-x509_strict", "-purpose", "sslserver", *files]
    run = subprocess.run(command, check=False, capture_output=True, text=True)
    return run.stdout + run.stderr


@pytest.mark.parametrize("authority", [make(NOW), brought(OF_EC), brought(OF_RSA)], ids=["own", "EC", "RSA"])
@pytest.mark.parametrize(
    "host",
    [SITE, "xn--bcher-kva.example", "192.0.2.7", "2001:db8::7", f"{'a' * 63}.{'b' * 63}.example"],
)
def test_a_leaf_is_what_strict_clients_accept_for_its_host(authority: Authority, host: str, tmp_path: Path) -> None:
    leaf = sign_leaf(authority, host, PUBLIC, NOW)
    option = "-verify_hostname" if isinstance(_name(host), x509.DNSName) else "-verify_ip"

    assert _verified(leaf, authority, host)[0] == leaf
    assert openssl(leaf, authority, tmp_path, option, host).endswith("OK\n")


def _verified(leaf: x509.Certificate, authority: Authority, host: str) -> Sequence[x509.Certificate]:
    verifier = PolicyBuilder().store(Store([authority.anchor])).time(NOW.replace(tzinfo=None))
    return verifier.build_server_verifier(_name(host)).verify(leaf, list(authority.sent))


def _name(host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)


def test_a_name_in_another_script_is_signed_in_a_labels() -> None:
    leaf = sign_leaf(make(NOW), "Bücher.example", PUBLIC, NOW)

    names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    assert names.value.get_values_for_type(x509.DNSName) == ["xn--bcher-kva.example"]
    assert names.critical


def test_what_is_no_host_is_not_signed() -> None:
    with pytest.raises(Malformed):
        sign_leaf(make(NOW), "*.example", PUBLIC, NOW)


def test_a_leaf_lives_no_longer_than_browsers_accept_and_its_serial_is_random() -> None:
    authority = make(NOW)
    leaves = [sign_leaf(authority, SITE, PUBLIC, NOW) for _ in range(2)]

    assert all(each.not_valid_after_utc - each.not_valid_before_utc < dt.timedelta(days=398) for each in leaves)
    assert leaves[0].serial_number != leaves[1].serial_number
    assert min(each.serial_number.bit_length() for each in leaves) > 64


def test_a_leaf_never_outlives_what_is_above_it_and_is_renewed_before_it_expires() -> None:
    authority = make(NOW, planned("Example", [], [], 10 * 86_400.0))
    leaf = sign_leaf(authority, SITE, PUBLIC, NOW)

    assert leaf.not_valid_after_utc == authority.not_after
    assert NOW < renewal(leaf, NOW) < authority.not_after
    usual = sign_leaf(make(NOW), SITE, PUBLIC, NOW)
    assert renewal(usual, NOW) < NOW + LONGEST - dt.timedelta(days=30)


def test_an_authority_that_has_expired_signs_nothing() -> None:
    authority = make(NOW - dt.timedelta(days=4000))

    with pytest.raises(AuthorityUnusable, match="authority expired on"):
        sign_leaf(authority, SITE, PUBLIC, NOW)


def test_a_leaf_points_to_its_issuer_by_the_identifier_that_it_gives_itself() -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    own = x509.SubjectKeyIdentifier(b"an odd one")
    subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "odd")])
    blank = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
    dated = blank.serial_number(1).not_valid_before(NOW).not_valid_after(NOW + dt.timedelta(days=9))
    odd = Issued(dated.add_extension(own, critical=False).sign(key, SHA256()), key)
    bare = Issued(dated.sign(key, SHA256()), key)

    by_odd, by_bare = (
        sign_leaf(Authority(each.certificate, key), SITE, PUBLIC, NOW)
        .extensions.get_extension_for_class(x509.AuthorityKeyIdentifier)
        .value.key_identifier
        for each in (odd, bare)
    )

    assert by_odd == b"an odd one"
    assert by_bare == x509.SubjectKeyIdentifier.from_public_key(key.public_key()).digest


CORP = make(NOW, planned("Example", ["corp.example", "10.0.0.0/8"], ["secret.corp.example"], 86_400.0))


@pytest.mark.parametrize(
    ("accepted", "host"),
    [
        (True, "corp.example"),
        (True, "www.corp.example"),
        (True, "10.1.2.3"),
        (False, "evilcorp.example"),
        (False, "www.secret.corp.example"),
        (False, "192.0.2.1"),
        (False, "2001:db8::1"),
    ],
)
def test_clients_see_the_same_bounds_as_the_gateway(accepted: bool, host: str, tmp_path: Path) -> None:  # noqa: FBT001 - the wanted value of a table's row
    same_key = Authority(issue("unbounded", key=CORP.key).certificate, CORP.key)
    forged = _renamed(sign_leaf(same_key, host, PUBLIC, NOW), CORP)

    if accepted:
        sign_leaf(CORP, host, PUBLIC, NOW)
        assert _verified(forged, CORP, host)
    else:
        with pytest.raises(AuthorityUnusable, match="its name constraints"):
            sign_leaf(CORP, host, PUBLIC, NOW)
        with pytest.raises(VerificationError):
            _verified(forged, CORP, host)
    assert accepted is openssl(forged, CORP, tmp_path).endswith("OK\n")


def _renamed(leaf: x509.Certificate, authority: Authority) -> x509.Certificate:
    """The leaf as a thief of the key would sign it, who respects nothing."""
    builder = x509.CertificateBuilder(
        authority.certificate.subject, leaf.subject, leaf.public_key(), 5, NOW, authority.not_after, []
    )
    for each in leaf.extensions:
        builder = builder.add_extension(each.value, each.critical)
    return builder.sign(authority.key, SHA256())


@pytest.mark.parametrize("permitted", [["10.0.0.0/8"], ["corp.example"]])
def test_bounds_of_one_kind_leave_nothing_open_of_the_other(permitted: list[str], tmp_path: Path) -> None:
    authority = make(NOW, planned("Example", permitted, [], 86_400.0))
    other = SITE if "/" in permitted[0] else "192.0.2.1"
    same_key = Authority(issue("unbounded", key=authority.key).certificate, authority.key)
    forged = _renamed(sign_leaf(same_key, other, PUBLIC, NOW), authority)

    with pytest.raises(VerificationError):
        _verified(forged, authority, other)
    assert "error" in openssl(forged, authority, tmp_path)
