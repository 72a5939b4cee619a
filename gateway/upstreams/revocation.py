"""What was revoked: CRLs as authorities sign them, and plain lists that an operator writes.

A plain list has one certificate a line, `sha256:` with the fingerprint of it or `serial:` with its serial number, in
hexadecimal digits with or without colons; `#` begins a remark. A fingerprint names one certificate; a serial number
names every certificate that bears it, whoever issued it.

Source: RFC 5280 section 5 (CRLs).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from cryptography import x509

from gateway.policy.errors import quoted
from gateway.policy.problems import Place, Problem

if TYPE_CHECKING:
    from collections.abc import Iterator

_PEM: Final = re.compile(rb"-----BEGIN X509 CRL-----.*?-----END X509 CRL-----", re.DOTALL)
_DER: Final = b"\x30"
_ENTRY: Final = re.compile(r"(sha256|serial):([0-9A-Fa-f:]+)")
_FINGERPRINT_DIGITS: Final = 64
_MOST_SERIAL_DIGITS: Final = 40


@dataclass(frozen=True, slots=True)
class Revoked:
    """Certificates by SHA-256 fingerprint (32 bytes) and by serial number, and CRLs."""

    fingerprints: frozenset[bytes] = frozenset()
    serials: frozenset[int] = frozenset()
    crls: tuple[x509.CertificateRevocationList, ...] = ()

    def __or__(self, other: Revoked) -> Revoked:
        return Revoked(self.fingerprints | other.fingerprints, self.serials | other.serials, self.crls + other.crls)

    @property
    def names_certificates(self) -> bool:
        """Whether plain lists name any."""
        return bool(self.fingerprints or self.serials)


def read_revoked(content: bytes, file: str, problems: list[Problem]) -> Revoked:
    """What a file revokes; what cannot be read in it is added to `problems`."""
    if content.startswith(_DER) or b"-----BEGIN" in content:
        return _read_crls(content, file, problems)
    return _read_list(content, file, problems)


def _read_crls(content: bytes, file: str, problems: list[Problem]) -> Revoked:
    try:
        if content.startswith(_DER):
            found = [x509.load_der_x509_crl(content)]
        else:
            found = [x509.load_pem_x509_crl(block) for block in _PEM.findall(content)]
    except ValueError:
        found = []
    if not found:
        problems.append(Problem(Place(file, 1, 1), "", "no CRL can be read here, give one in PEM or DER"))
    return Revoked(crls=tuple(found))


def _read_list(content: bytes, file: str, problems: list[Problem]) -> Revoked:
    fingerprints: set[bytes] = set()
    serials: set[int] = set()
    for number, entry in _entries(content):
        kind, digits = _parse(entry)
        if kind == "sha256" and len(digits) == _FINGERPRINT_DIGITS:
            fingerprints.add(bytes.fromhex(digits))
        elif kind == "serial" and 0 < len(digits) <= _MOST_SERIAL_DIGITS:
            serials.add(int(digits, 16))
        else:
            sentence = f"{quoted(entry)} names no certificate, write `sha256:` and 64 hexadecimal digits, or `serial:`"
            problems.append(Problem(Place(file, number, 1), "", sentence))
    return Revoked(frozenset(fingerprints), frozenset(serials))


def _entries(content: bytes) -> Iterator[tuple[int, str]]:
    for number, line in enumerate(content.decode("utf-8", "replace").splitlines(), 1):
        if entry := line.partition("#")[0].strip():
            yield number, entry


def _parse(entry: str) -> tuple[str, str]:
    found = _ENTRY.fullmatch(entry)
    return (found[1], found[2].replace(":", "")) if found else ("", "")
