from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.authority.keeping import load_or_make

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime.now(dt.UTC)


def test_the_authority_is_made_once_and_its_key_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = tmp_path / "ca"

    made, loaded = load_or_make(folder), load_or_make(folder)

    assert made.fingerprint == loaded.fingerprint
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "ca.key").stat().st_mode & 0o777 == 0o600
    assert {each.name for each in folder.iterdir()} == {"ca.key", "ca.pem"}
    assert isinstance(made.key.curve, ec.SECP256R1)


def test_the_authority_lasts_ten_years_and_signs_no_other_authority(tmp_path: Path) -> None:
    certificate = load_or_make(tmp_path).certificate
    constraints = certificate.extensions.get_extension_for_class(x509.BasicConstraints)

    assert constraints.critical
    assert (constraints.value.ca, constraints.value.path_length) == (True, 0)
    assert (certificate.not_valid_after_utc - NOW).days in range(3649, 3651)


def test_a_key_of_another_kind_is_refused_with_a_way_out(tmp_path: Path) -> None:
    load_or_make(tmp_path)
    other = rsa.generate_private_key(65537, 2048)
    (tmp_path / "ca.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(ValueError, match="is no elliptic-curve key, move it away"):
        load_or_make(tmp_path)
