"""The front door speaks TLS: whose certificate is shown, who is refused, and what is on record."""

from __future__ import annotations

import base64
import ssl
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.e2e.certificates import Wish, authority
from tests.e2e.front_doors import Door, door
from tests.e2e.wire import Closed, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

UNRECOGNIZED = bytes([0x15, 3, 3, 0, 2, 2, 112])


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.in_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def front(ring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    shown = ring.shows(ring.issue("shop", "shop.example"), ring.issue("wild", "*.many.example", "x.many.example"))
    with door(tmp_path_factory.mktemp("front"), tls=shown) as opened:
        yield opened


@pytest.mark.parametrize(
    ("shown", "name"),
    [
        ("shop", "shop.example"),
        ("shop", "SHOP.example"),
        ("wild", "a.many.example"),
        ("wild", "x.many.example"),
    ],
)
def test_the_certificate_of_the_host_is_shown_and_the_backend_hears_of_https(
    shown: str, name: str, front: Door, ring: Keyring
) -> None:
    front.origin.forget()
    with front.encrypted(name, ring.client()) as client:
        answer = client.ask(get("/", name))
        assert isinstance(client.socket, ssl.SSLSocket)
        seen = client.socket.getpeercert(binary_form=True)

    wanted = x509.load_pem_x509_certificate((ring.folder / f"{shown}.pem").read_bytes())
    assert (answer.status, seen) == (200, wanted.public_bytes(Encoding.DER))
    [request] = front.origin.requests
    assert b"\r\nX-Forwarded-Proto: https\r\n" in request
    assert b"\r\nX-Forwarded-Port: 443\r\n" in request
    assert f'\r\nForwarded: for=127.0.0.1;host="{name.lower()}";proto=https\r\n'.encode() in request


@pytest.mark.parametrize("name", ["other.example", "a.b.many.example", "many.example", None])
def test_a_host_without_a_certificate_is_refused_by_an_alert(name: str | None, front: Door, ring: Keyring) -> None:
    context = ring.client()
    context.check_hostname = False

    with pytest.raises(ssl.SSLError, match=r"(?i)unrecognized.name"):
        front.encrypted(name, context)

    record = front.decisions[-1]
    assert (record["decision"]["reason"], record["tls"]) == (
        "no-certificate",
        {"sni": name, "mode": None, "version": "1.3"},
    )


def test_another_host_than_the_one_of_the_handshake_is_misdirected(front: Door, ring: Keyring) -> None:
    with front.encrypted("shop.example", ring.client()) as client:
        assert client.ask(get("/", "a.many.example")).verdict == (421, "name-mismatch", None)


def test_plain_http_on_the_port_is_answered_in_its_own_words(front: Door) -> None:
    with front.plain() as client:
        answer = client.ask(get("/", "shop.example"))

    assert (answer.status, answer.problem["reason"]) == (403, "protocol-refused")
    assert answer.problem["detail"] == "This port speaks HTTPS, and not HTTP."


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        ("malformed-request", b"\x16\x03\x01\x00\x00"),
        ("malformed-request", b"SSH-2.0-x\r\n"),
        ("head-timeout", b"\x16"),
    ],
)
def test_what_is_no_hello_is_refused_and_recorded(reason: str, said: bytes, front: Door) -> None:
    with front.plain(introduction=said) as client:
        assert client.rest() in {b"", bytes([0x15, 3, 3, 0, 2, 2, 50])}

    assert front.refusals[-1][0] == reason


def test_records_tell_of_tls_that_ends_here(front: Door, ring: Keyring) -> None:
    with front.encrypted("shop.example", ring.client()) as client:
        client.ask(get("/", "shop.example"))

    record = front.decisions[-1]
    assert record["tls"] == {"sni": "shop.example", "mode": "terminated", "version": "1.3"}
    assert (record["request"]["scheme"], record["request"]["port"]) == ("https", 443)


def test_a_default_certificate_is_shown_to_everybody_else(ring: Keyring, tmp_path: Path) -> None:
    shown = ring.shows(ring.issue("one", "shop.example"), ring.issue("other", "other.example", default=True))
    context = ring.client()
    context.check_hostname = False

    with door(tmp_path, tls=shown) as front:
        for name in (None, "unknown.example"):
            with front.encrypted(name, context) as client:
                assert client.ask(get("/", name or "anything.example")).status == 200


def test_a_protocol_that_nobody_speaks_is_refused(front: Door, ring: Keyring) -> None:
    context = ring.client()
    context.set_alpn_protocols(["ftp"])

    with pytest.raises(ssl.SSLError, match=r"(?i)no.application.protocol"):
        front.encrypted("shop.example", context)

    assert front.refusals[-1] == ("protocol-refused", "The client broke off the TLS handshake.")


CLIENT = Wish(names=(), common_name="anna", usage=ExtendedKeyUsageOID.CLIENT_AUTH)


@pytest.mark.parametrize("mode", ["optional", "required"])
def test_who_a_client_proved_to_be_is_told_to_the_backend_and_nobody_can_forge_it(
    mode: str, ring: Keyring, tmp_path: Path
) -> None:
    anna = ring.root.signs(CLIENT)
    shown = ring.shows(ring.issue("mutual", "shop.example"), client_auth=mode)  # type: ignore[arg-type]  # both are modes
    forged = [f"{name}: :AAAA:" for name in ("Client-Cert", "client_cert", "Client.Cert", "Client-Cert-Chain")]
    forged += ["X-SSL-Client-Cert: x", "X-Forwarded-Client-Cert: x", "Connection: client-cert"]

    with door(tmp_path, tls=shown) as front:
        with front.encrypted("shop.example", ring.client(anna)) as client:
            assert client.ask(get("/", "shop.example", *forged)).status == 200
        [request] = front.origin.requests
        record = front.decisions[-1]

    der = anna.certificate.public_bytes(Encoding.DER)
    told = [line for line in request.split(b"\r\n") if b"cert" in line.lower()]
    assert told == [b"Client-Cert: :" + base64.b64encode(der) + b":"]
    assert record["client"]["user"] == "anna"


def test_without_a_certificate_no_backend_is_told_of_one(ring: Keyring, tmp_path: Path) -> None:
    shown = ring.shows(ring.issue("maybe", "shop.example"), client_auth="optional")
    with door(tmp_path, tls=shown) as front:
        with front.encrypted("shop.example", ring.client()) as client:
            assert client.ask(get("/", "shop.example", "Client-Cert: :AAAA:")).status == 200
        [request] = front.origin.requests
        assert front.decisions[-1]["client"]["user"] is None

    assert b"cert" not in request.lower()


@pytest.mark.parametrize("mode", ["optional", "required"])
@pytest.mark.parametrize("fault", ["stranger", "expired", "server", "revoked"])
def test_a_client_certificate_that_does_not_hold_lets_nothing_through(
    fault: str, mode: str, ring: Keyring, tmp_path: Path
) -> None:
    good = ring.root.signs(CLIENT)
    certified = {
        "stranger": authority("a stranger").signs(CLIENT),
        "expired": ring.root.signs(replace(CLIENT, days=(-30, -1))),
        "server": ring.root.signs(Wish(names=("shop.example",))),
        "revoked": good,
    }[fault]
    crl = tmp_path / "crl.pem"
    crl.write_bytes(ring.root.takes_back(good))
    shown = ring.shows(ring.issue("strict", "shop.example"), client_auth=mode, crl=crl)  # type: ignore[arg-type]  # both are modes

    with door(tmp_path, tls=shown) as front:
        _nothing_comes_back(front, ring.client(certified))
        [(reason, detail)] = front.refusals

    assert (reason, (detail or "").startswith("The client's certificate is not believed")) == (
        "identity-required",
        True,
    )
    assert front.origin.received == b""


def test_a_client_without_a_required_certificate_is_refused(ring: Keyring, tmp_path: Path) -> None:
    shown = ring.shows(ring.issue("strict", "shop.example"), client_auth="required")
    with door(tmp_path, tls=shown) as front:
        _nothing_comes_back(front, ring.client())
        assert front.refusals == [("identity-required", "The client showed no certificate.")]

    assert front.origin.received == b""


def _nothing_comes_back(front: Door, context: ssl.SSLContext) -> None:
    """In TLS 1.3 a client believes that it is done before its certificate is looked at."""
    with pytest.raises((ssl.SSLError, ConnectionError, Closed)), front.encrypted("shop.example", context) as client:
        client.ask(get("/", "shop.example"))
