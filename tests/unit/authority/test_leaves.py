from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.verification import PolicyBuilder, Store

from gateway.authority.keeping import load_or_make
from gateway.authority.leaves import sign_leaf

if TYPE_CHECKING:
    from pathlib import Path

NOW = dt.datetime.now(dt.UTC)


@pytest.mark.parametrize("host", ["site.example", "xn--bcher-kva.example", "192.0.2.7", "2001:db8::7"])
def test_a_leaf_is_what_strict_clients_accept_for_its_host(host: str, tmp_path: Path) -> None:
    authority, key = load_or_make(tmp_path), ec.generate_private_key(ec.SECP256R1())
    leaf = sign_leaf(authority, host, key.public_key(), NOW)

    verifier = PolicyBuilder().store(Store([authority.certificate])).time(NOW.replace(tzinfo=None))
    chain = verifier.build_server_verifier(_name(host)).verify(leaf, [])

    assert chain == [leaf, authority.certificate]


def _name(host: str) -> Any:
    try:
        return x509.IPAddress(ipaddress.ip_address(host))
    except ValueError:
        return x509.DNSName(host)
