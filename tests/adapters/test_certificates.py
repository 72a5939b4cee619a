from __future__ import annotations

import datetime as dt
import ipaddress
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.verification import PolicyBuilder, Store
from mitmproxy.connection import Client, Connection, Server
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData

from addons.certificates import Certificates, load_or_make, sign_leaf
from addons.options import LayerOptions, for_layers

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.adapters.scene import Scene

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


def test_a_key_of_another_kind_is_refused_with_a_way_out(tmp_path: Path) -> None:
    load_or_make(tmp_path)
    other = rsa.generate_private_key(65537, 2048)
    (tmp_path / "ca.key").write_bytes(other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))

    with pytest.raises(ValueError, match="is no elliptic-curve key, move it away"):
        load_or_make(tmp_path)


def tls_of(connection: Connection, client: Client) -> TlsData:
    return TlsData(connection, Context(client, for_layers(LayerOptions())))


def test_contexts_are_kept_by_host_and_bounded(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = Certificates(stage.connections, load_or_make(tmp_path))
    client = stage.client()
    stage.connect(client, "site.example:443")

    one, two = tls_of(client, client), tls_of(client, client)
    certificates.tls_start_client(one)
    certificates.tls_start_client(two)

    assert one.ssl_conn is not None
    assert two.ssl_conn is not None
    assert one.ssl_conn.get_context() is two.ssl_conn.get_context()


def test_tls_outside_of_a_tunnel_is_refused(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = Certificates(stage.connections, load_or_make(tmp_path))
    client = stage.client()
    tls = tls_of(client, client)

    with pytest.raises(LookupError):
        certificates.tls_start_client(tls)
    assert tls.ssl_conn is None


def test_an_upstream_without_a_name_is_not_dialled(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    stage = scene()
    certificates = Certificates(stage.connections, load_or_make(tmp_path))
    tls = tls_of(Server(address=("192.0.2.1", 443)), stage.client())

    with pytest.raises(ValueError, match="cannot be verified"):
        certificates.tls_start_server(tls)
    assert tls.ssl_conn is None
