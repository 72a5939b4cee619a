"""The front door as the programs of other people see it: curl, httpx, OpenSSL; and certificates replaced under them."""

from __future__ import annotations

import asyncio
import re
import signal
import ssl
import subprocess
from typing import TYPE_CHECKING, Final

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID

from tests.e2e.certificates import Wish
from tests.e2e.commands import STARTING, free_port, running, until
from tests.e2e.front_doors import Door, door
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import Wire, connect, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.config.settings import CertificateSettings

pytestmark = pytest.mark.e2e

HOST: Final = "shop.example"
CLIENT: Final = Wish(names=(), common_name="anna", usage=ExtendedKeyUsageOID.CLIENT_AUTH)
PATIENCE: Final = 30


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.in_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def front(ring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    shown = ring.shows(ring.issue("shop", HOST))
    with door(tmp_path_factory.mktemp("front"), tls=shown) as opened:
        yield opened


def run(*command: str, said: str = "") -> tuple[int, str]:
    """How a command ended, and all that it printed."""
    done = subprocess.run(command, check=False, capture_output=True, text=True, input=said, timeout=PATIENCE)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(("version", "wish"), [("2", "--http2"), ("1.1", "--http1.1")])
def test_curl_is_served_by_http_2_and_by_http_1(version: str, wish: str, front: Door, ring: Keyring) -> None:
    front.origin.forget()
    to = f"{HOST}:443:127.0.0.1:{front.gateway.reverse}"
    root = str(ring.folder / "root.pem")

    forged = ("-H", "Client-Cert: :AAAA:", "-H", "client_cert: x")
    told = ("-sS", "-w", "%{http_version} %{http_code}", "--cacert", root, "--connect-to", to)
    code, said = run("curl", wish, *told, *forged, f"https://{HOST}/a")

    assert (code, said) == (0, BODY.decode() + f"{version} 200")
    [request] = front.origin.requests
    assert b"\r\nX-Forwarded-Proto: https\r\n" in request
    assert b"client" not in request.lower()


def test_httpx_asks_for_many_things_at_once(front: Door, ring: Keyring) -> None:
    front.origin.forget()

    async def ask() -> list[httpx.Response]:
        transport = httpx.AsyncHTTPTransport(http2=True, verify=ring.client())
        async with httpx.AsyncClient(transport=transport) as client:
            url, more = f"https://127.0.0.1:{front.gateway.reverse}/", {"sni_hostname": HOST}
            each = (client.get(url + str(n), headers={"Host": HOST}, extensions=more) for n in range(8))
            return await asyncio.gather(*each)

    answers = asyncio.run(ask())

    assert {(each.http_version, each.status_code, each.content) for each in answers} == {("HTTP/2", 200, BODY)}
    assert len(front.origin.requests) == 8


def test_a_request_of_http_2_for_another_host_is_misdirected(front: Door, ring: Keyring) -> None:
    with httpx.Client(http2=True, verify=ring.client()) as client:
        url = f"https://127.0.0.1:{front.gateway.reverse}/"
        answer = client.get(url, headers={"Host": "other.example"}, extensions={"sni_hostname": HOST})

    assert (answer.http_version, answer.status_code, answer.json()["reason"]) == ("HTTP/2", 421, "name-mismatch")


def s_client(port: int, *more: str, said: str = "") -> str:
    """What OpenSSL says of a handshake."""
    return run("openssl", "s_client", "-connect", f"127.0.0.1:{port}", "-servername", HOST, *more, said=said)[1]


@pytest.mark.parametrize(
    ("protocol", "more"),
    [
        ("TLSv1.3", ()),
        ("TLSv1.2", ("-tls1_2",)),
        ("TLSv1.2", ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384")),
    ],
)
def test_openssl_finds_modern_tls(protocol: str, more: tuple[str, ...], front: Door, ring: Keyring) -> None:
    said = s_client(front.gateway.reverse, "-CAfile", str(ring.folder / "root.pem"), *more)

    assert f"New, {protocol}, Cipher is " in said or f"Protocol  : {protocol}" in said
    assert "Verify return code: 0 (ok)" in said
    assert "Compression: NONE" in said
    assert "Secure Renegotiation IS NOT" not in said or protocol == "TLSv1.3"


@pytest.mark.parametrize(
    "more",
    [
        ("-tls1_1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1", "-cipher", "ALL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "AES128-GCM-SHA256:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "aNULL:@SECLEVEL=0"),
        ("-tls1_2", "-cipher", "PSK:@SECLEVEL=0"),
    ],
)
def test_openssl_finds_nothing_of_yesterday(more: tuple[str, ...], front: Door) -> None:
    assert "Cipher is (NONE)" in s_client(front.gateway.reverse, *more)


def test_nothing_is_negotiated_anew(front: Door) -> None:
    said = s_client(front.gateway.reverse, "-tls1_2", said="R\n")

    assert "RENEGOTIATING" in said
    assert re.search(r"no.renegotiation", said)


def test_who_comes_back_is_known_by_a_ticket_and_never_with_a_certificate(
    front: Door, ring: Keyring, tmp_path: Path
) -> None:
    mutual = ring.shows(ring.issue("mutual", HOST), client_auth="required")
    with door(tmp_path, tls=mutual) as strict:
        for port, known in ((front.gateway.reverse, True), (strict.gateway.reverse, False)):
            assert known is _comes_back(port, ring.client(ring.root.signs(CLIENT)))


def _comes_back(port: int, context: ssl.SSLContext) -> bool:
    """Whether a second handshake leans on the first."""
    with Wire(context.wrap_socket(connect(port).socket, server_hostname=HOST)) as first:
        assert first.ask(get("/", HOST)).status == 200
        assert isinstance(first.socket, ssl.SSLSocket)
        session = first.socket.session
    again = context.wrap_socket(connect(port).socket, server_hostname=HOST, session=session)
    with Wire(again) as second:
        assert second.ask(get("/", HOST)).status == 200
        return bool(again.session_reused)


SETTINGS: Final = """
version: 1
state: state
listeners:
  - name: shop
    mode: reverse
    bind: 127.0.0.1:{port}
    policy: policy.yaml
    tls: {{certificates: [{{certificate: {ring}/live.pem, key: {ring}/live.key}}]}}
    routes: [{{upstream: app}}]
  - name: plain
    mode: reverse
    bind: 127.0.0.1:{plain}
    policy: policy.yaml
    routes: [{{host: {{is: [shop.example]}}, redirect: {{to: "https://shop.example"}}}}]
upstreams:
  app: {{servers: [{{url: "http://127.0.0.1:{origin}"}}]}}
"""
POLICY: Final = "version: 1\nname: open\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"


def test_who_comes_by_http_is_led_to_https_and_new_certificates_are_shown_to_new_clients_alone(
    ring: Keyring, tmp_path: Path
) -> None:
    port, plain = free_port(), free_port()
    old = ring.issue("live", HOST)
    before = _der(old)
    with RecordingOrigin() as origin:
        config = tmp_path / "wicketgate.yaml"
        config.write_text(SETTINGS.format(port=port, plain=plain, ring=ring.folder, origin=origin.port))
        (tmp_path / "policy.yaml").write_text(POLICY)
        with running("run", "--config", str(config), cwd=tmp_path) as process:
            process.wait_for("ready:", process.err, STARTING)
            with connect(plain) as stranger:
                led = stranger.ask(get("/a?b=c", HOST))
                assert (led.status, led.get("location")) == (308, "https://shop.example/a?b=c")
            with _arrive(port, ring) as first:
                assert (_shown(first), first.ask(get("/", HOST)).status) == (before, 200)

                old.certificate.write_bytes(b"half a file")
                process.process.send_signal(signal.SIGHUP)
                process.wait_for("shop: the new certificates are refused, the old ones stay in force", process.err)
                with _arrive(port, ring) as second:
                    assert (_shown(second), second.ask(get("/", HOST)).status) == (before, 200)

                after = _der(ring.issue("live", HOST))
                process.process.send_signal(signal.SIGHUP)
                until(lambda: _shown_at(port, ring) == after, "the new certificate was never shown")
                assert first.ask(get("/", HOST)).status == 200


def _der(issued: CertificateSettings) -> bytes:
    return x509.load_pem_x509_certificate(issued.certificate.read_bytes()).public_bytes(Encoding.DER)


def _arrive(port: int, ring: Keyring) -> Wire:
    return Wire(ring.client().wrap_socket(connect(port).socket, server_hostname=HOST))


def _shown(wire: Wire) -> bytes | None:
    assert isinstance(wire.socket, ssl.SSLSocket)
    return wire.socket.getpeercert(binary_form=True)


def _shown_at(port: int, ring: Keyring) -> bytes | None:
    with _arrive(port, ring) as client:
        return _shown(client)
