from __future__ import annotations

import ssl
import time
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest
from OpenSSL import SSL

from addons.tls.server_contexts import server_context
from gateway.control.fronts import read_shopfront
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from gateway.config.settings import ClientAuth


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.in_folder(tmp_path_factory.mktemp("keys"))


def context_of(ring: Keyring, client_auth: ClientAuth = "off", *, http2: bool = True) -> SSL.Context:
    shopfront = read_shopfront(ring.shows(ring.issue("shop", "shop.example"), client_auth=client_auth), time.time())
    return server_context(shopfront.shown[0], shopfront, http2=http2)


def shaken(server: SSL.Context, client: ssl.SSLContext) -> ssl.SSLObject:
    """A handshake in memory: the client's side of it. Raises ssl.SSLError or SSL.Error, as the sides do."""
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    inner = client.wrap_bio(incoming, outgoing, server_hostname="shop.example")
    outer = SSL.Connection(server)
    outer.set_accept_state()
    for _ in range(4):
        for step in (inner.do_handshake, outer.do_handshake):
            with suppress(ssl.SSLWantReadError, SSL.WantReadError):
                step()
            if said := outgoing.read():
                outer.bio_write(said)
            with suppress(SSL.WantReadError):
                incoming.write(outer.bio_read(65535))
    return inner


def limited(ring: Keyring, ciphers: str) -> ssl.SSLContext:
    """A client of TLS 1.2 that knows these ciphers."""
    client = ring.client()
    client.maximum_version = ssl.TLSVersion.TLSv1_2
    client.set_ciphers(f"{ciphers}:@SECLEVEL=0")
    return client


def test_tls_1_3_is_spoken_and_tls_1_2_with_forward_secrecy(ring: Keyring) -> None:
    assert shaken(context_of(ring), ring.client()).version() == "TLSv1.3"
    for cipher in ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-CHACHA20-POLY1305"):
        assert shaken(context_of(ring), limited(ring, cipher)).cipher()[0] == cipher  # type: ignore[index]  # it is agreed on


@pytest.mark.parametrize("cipher", ["ECDHE-ECDSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA", "AES128-GCM-SHA256"])
def test_ciphers_of_yesterday_are_not(cipher: str, ring: Keyring) -> None:
    with pytest.raises(SSL.Error, match="no shared cipher"):
        shaken(context_of(ring), limited(ring, cipher))


@pytest.mark.parametrize(
    ("chosen", "offered", "http2"),
    [("h2", ["http/1.1", "h2"], True), ("http/1.1", ["h2", "http/1.1"], False), (None, [], True)],
)
def test_a_protocol_is_chosen(chosen: str | None, offered: list[str], http2: bool, ring: Keyring) -> None:  # noqa: FBT001 - whether it is offered
    client = ring.client()
    if offered:
        client.set_alpn_protocols(offered)

    assert shaken(context_of(ring, http2=http2), client).selected_alpn_protocol() == chosen


@pytest.mark.parametrize(("offered", "http2"), [("ftp", True), ("h2", False)])
def test_a_protocol_that_is_not_spoken_ends_the_handshake(offered: str, http2: bool, ring: Keyring) -> None:  # noqa: FBT001 - whether it is offered
    client = ring.client()
    client.set_alpn_protocols([offered])

    with pytest.raises(SSL.Error, match="no protocol in common"):
        shaken(context_of(ring, http2=http2), client)


@pytest.mark.parametrize("mode", ["required", "optional"])
def test_clients_are_asked_for_certificates_and_get_no_tickets(mode: ClientAuth, ring: Keyring) -> None:
    context = context_of(ring, mode)

    asked = context.get_verify_mode()
    assert bool(asked & SSL.VERIFY_PEER)
    assert bool(asked & SSL.VERIFY_FAIL_IF_NO_PEER_CERT) is (mode == "required")
    assert context.set_options(0) & SSL.OP_NO_TICKET
    assert not context_of(ring).set_options(0) & SSL.OP_NO_TICKET


def test_nothing_is_compressed_or_negotiated_anew(ring: Keyring) -> None:
    options = context_of(ring).set_options(0)

    assert options & SSL.OP_NO_COMPRESSION
    assert options & SSL.OP_NO_RENEGOTIATION
