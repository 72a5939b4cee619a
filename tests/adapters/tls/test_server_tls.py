from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from cryptography import x509
from mitmproxy.proxy.context import Context
from mitmproxy.tls import TlsData

from addons.serving.options import LayerOptions, for_layers
from addons.tls.server_contexts import LIFETIME
from addons.tls.server_tls import ClientIdentity, ServerTls
from addons.tunnels.opening import Opening
from gateway.control.fronts import FrontStore
from gateway.policy.model import Mode, Reason
from tests.adapters.hellos import hello_of
from tests.authorities import issue
from tests.e2e.certificates import Wish
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mitmproxy.connection import Client
    from OpenSSL import SSL

    from tests.adapters.scene import Scene


class Bench:
    """A reverse listener that shows a certificate for `shop.example`; `now` is moved by hand."""

    def __init__(self, folder: Path, scene: Callable[..., Scene], mode: Mode = Mode.REVERSE) -> None:
        self.now = 0.0
        self.scene = scene(mode=mode)
        self.ring = Keyring.in_folder(folder)
        settings = self.ring.shows(self.ring.issue("shop", "shop.example"))
        self.store = FrontStore("egress", settings, time.time, lambda _: None)
        self.store.start()
        self.tls = ServerTls(
            self.scene.connections, self.scene.admission, {"egress": self.store}, clock=lambda: self.now
        )

    def heard(self, name: str | None) -> tuple[Client, Opening]:
        """A client whose hello was looked at."""
        client = self.scene.client()
        opening = Opening(client, hello_of(name))
        self.tls.tunnel_hello(opening)
        return client, opening

    def context(self, client: Client) -> SSL.Context | None:
        """The context of a handshake with this client."""
        data = TlsData(client, Context(client, for_layers(LayerOptions())))
        self.tls.tls_start_client(data)
        return None if data.ssl_conn is None else data.ssl_conn.get_context()


@pytest.fixture
def bench(tmp_path: Path, scene: Callable[..., Scene]) -> Bench:
    return Bench(tmp_path, scene)


def test_a_host_with_a_certificate_goes_on_and_its_context_is_kept_for_a_while(bench: Bench) -> None:
    client, opening = bench.heard("shop.example")
    assert bench.scene.hear(client, hello_of("shop.example")) == "inspect"

    first = bench.context(client)
    assert (opening.problem, first is None) == (None, False)
    bench.now = LIFETIME - 1
    assert bench.context(client) is first
    bench.now = LIFETIME
    assert bench.context(client) is not first


def test_what_is_read_anew_is_shown_to_the_next_client(bench: Bench) -> None:
    client, _ = bench.heard("shop.example")
    bench.scene.hear(client, hello_of("shop.example"))
    first = bench.context(client)

    bench.store.start()

    assert bench.context(client) is not first


@pytest.mark.parametrize("name", ["other.example", None])
def test_a_host_without_a_certificate_is_refused_and_recorded(name: str | None, bench: Bench) -> None:
    client, opening = bench.heard(name)

    assert (opening.problem, opening.treatment) == (Reason.NO_CERTIFICATE, "refuse")
    assert bench.scene.state(client).treatment == "refuse"
    [decision, _] = bench.scene.records()
    assert (decision["decision"]["verdict"], decision["decision"]["reason"]) == ("deny", "no-certificate")
    assert decision["tls"] == {"sni": name, "mode": None, "version": "1.3"}


def test_a_handshake_without_a_certificate_to_show_does_not_begin(bench: Bench) -> None:
    client, _ = bench.heard("other.example")

    with pytest.raises(LookupError):
        bench.context(client)


def test_a_forward_listener_is_left_alone(tmp_path: Path, scene: Callable[..., Scene]) -> None:
    bench = Bench(tmp_path, scene, Mode.FORWARD)

    client, opening = bench.heard("other.example")

    assert (opening.problem, bench.context(client)) == (None, None)


@pytest.mark.parametrize(
    ("name", "names"),
    [
        ("anna@shop.example", [x509.RFC822Name("anna@shop.example"), x509.UniformResourceIdentifier("spiffe://a/b")]),
        ("spiffe://a/b", [x509.DNSName("a.example"), x509.UniformResourceIdentifier("spiffe://a/b")]),
        ("Anna", [x509.DNSName("a.example")]),
        ("Anna", []),
    ],
)
def test_a_client_is_called_what_its_certificate_says_first(name: str, names: list[x509.GeneralName]) -> None:
    more = [(x509.SubjectAlternativeName(names), False)] if names else []
    certificate = issue("Anna", is_authority=False, more=more).certificate

    assert ClientIdentity.of(certificate).name == name


@pytest.mark.parametrize("name", ["a" * 300, "an\x07na", ""])
def test_a_name_that_cannot_be_shown_gives_way_to_another(name: str) -> None:
    more = [(x509.SubjectAlternativeName([x509.UniformResourceIdentifier(name)]), False)]

    assert ClientIdentity.of(issue("Anna", is_authority=False, more=more).certificate).name == "Anna"


def test_who_proved_nothing_is_told_of_nowhere(bench: Bench) -> None:
    client = bench.scene.client()
    flow = bench.scene.ask(client, "GET /a HTTP/1.1\nHost: shop.example\nClient-Cert: :AAAA:")
    assert "client-cert" not in flow.request.headers

    identity = ClientIdentity.of(bench.ring.root.signs(replace(Wish(), common_name="anna")).certificate)
    bench.scene.state(client).identity = identity
    flow = bench.scene.ask(client, "GET /a HTTP/1.1\nHost: shop.example\nClient-Cert: :AAAA:")
    assert flow.request.headers.get_all("client-cert") == [identity.field.decode()]
