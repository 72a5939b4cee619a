from __future__ import annotations

import datetime as dt

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from gateway.authority.drafts import draft

NOW = dt.datetime(2026, 11, 21, tzinfo=dt.UTC)


def test_a_certificate_is_good_from_yesterday_on_for_clocks_that_are_behind() -> None:
    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])

    certificate = draft(name, name, key.public_key(), NOW, NOW + dt.timedelta(days=10)).sign(key, hashes.SHA256())

    assert (certificate.not_valid_before_utc - NOW, certificate.not_valid_after_utc - NOW) == (
        dt.timedelta(days=-1),
        dt.timedelta(days=10),
    )
