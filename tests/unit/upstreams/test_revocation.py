from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from cryptography.hazmat.primitives import serialization

from gateway.upstreams.revocation import Revoked, read_revoked
from tests.e2e.certificates import Wish, authority

if TYPE_CHECKING:
    from gateway.policy.problems import Problem

SHA = "ab" * 32


def read(content: bytes) -> tuple[Revoked, list[Problem]]:
    problems: list[Problem] = []
    return read_revoked(content, "revoked.txt", problems), problems


def test_a_plain_list_names_fingerprints_and_serial_numbers() -> None:
    revoked, problems = read(f"# ours\n\nsha256:{SHA.upper()}  # gone\nserial:0A:ff\nserial:1\n".encode())

    assert problems == []
    assert revoked.fingerprints == {bytes.fromhex(SHA)}
    assert revoked.serials == {0x0AFF, 1}
    assert revoked.names_certificates


@pytest.mark.parametrize(
    "line", [SHA, "sha256:abcd", f"sha1:{SHA[:40]}", "serial:", f"serial:{'a' * 41}", "serial:xyz"]
)
def test_a_line_that_names_no_certificate_is_a_problem_in_its_place(line: str) -> None:
    revoked, problems = read(f"serial:1\n{line}\n".encode())

    assert [(each.place.line, line in each.message) for each in problems] == [(2, True)]
    assert revoked.serials == {1}


def test_an_empty_list_revokes_nothing() -> None:
    assert read(b"# nobody yet\n") == (Revoked(), [])


def test_crls_are_read_in_either_form() -> None:
    root = authority()
    leaf = root.signs(Wish())
    pem = root.takes_back(leaf)
    revoked, problems = read(pem + pem)
    der = revoked.crls[0].public_bytes(serialization.Encoding.DER)

    assert problems == []
    assert len(revoked.crls) == 2
    assert read(der)[0].crls[0].get_revoked_certificate_by_serial_number(leaf.certificate.serial_number) is not None


@pytest.mark.parametrize("content", [b"-----BEGIN X509 CRL-----\nAAAA\n-----END X509 CRL-----\n", b"\x30\x03abc"])
def test_what_only_looks_like_a_crl_is_a_problem(content: bytes) -> None:
    revoked, problems = read(content)

    assert revoked == Revoked()
    assert [each.message for each in problems] == ["no CRL can be read here, give one in PEM or DER"]


def test_a_certificate_is_no_crl() -> None:
    assert len(read(authority().pem)[1]) == 1
