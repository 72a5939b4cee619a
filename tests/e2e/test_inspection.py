"""HTTPS through the forward proxy: opened and judged, passed on unread, or neither; and who counts as an origin."""

from __future__ import annotations

import socket
import ssl
import subprocess
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.commands import COMMAND, PATIENCE, until
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, Authority, RecordingOrigin, make_authority
from tests.e2e.wire import Closed, Wire, get

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.trail import Record

pytestmark = pytest.mark.e2e

OPEN: Final = "127.0.0.2"
NAMES: Final = {
    ".example": [OPEN],
    "inside.example": ["127.0.0.1"],
    "nowhere.example": [],
}
POLICY: Final = """
version: 1
name: egress
default: {{action: allow}}
unsafe_destinations: [127.0.0.2/32]
connect_ports: [443, {ports}]
rules:
  - id: no-secrets
    action: deny
    reason: Not for you
    when: {{path: {{prefix: [/secret]}}}}
    not: {{tls.inspected: [false]}}
  - {{id: no-games, action: deny, reason: Not here, when: {{host: {{under: [games.example]}}}}}}
  - {{id: no-old-tls, action: deny, reason: Too old, when: {{tls.version: {{below: "1.2"}}}}}}
tls:
  inspect: all
  splice: [{{id: privacy, reason: Agreed, when: {{host: {{under: [bank.example]}}}}}}]
"""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return make_authority(tmp_path_factory.mktemp("authority") / "authority.pem")


@pytest.fixture(scope="module")
def origin(authority: Authority) -> Iterator[RecordingOrigin]:
    """Speaks TLS, trusted, under three names."""
    names = ("tls.example", "bank.example", "xn--bcher-kva.example")
    with RecordingOrigin(host=OPEN, tls=authority.context(*names)) as server:
        yield server


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RecordingOrigin]:
    """Speaks TLS under the right name; nobody trusts who says so."""
    other = make_authority(tmp_path_factory.mktemp("stranger") / "stranger.pem")
    with RecordingOrigin(host=OPEN, tls=other.context("stranger.example")) as server:
        yield server


@pytest.fixture(scope="module")
def echo() -> Iterator[RecordingOrigin]:
    """Speaks no TLS at all, and answers whatever comes."""
    with RecordingOrigin(host=OPEN, eager=True) as server:
        yield server


@pytest.fixture(scope="module")
def proxy(
    tmp_path_factory: pytest.TempPathFactory,
    authority: Authority,
    origin: RecordingOrigin,
    stranger: RecordingOrigin,
    echo: RecordingOrigin,
) -> Iterator[Gateway]:
    policy = POLICY.format(ports=f"{origin.port}, {stranger.port}, {echo.port}")
    environment = {"SSL_CERT_FILE": str(authority.file)}
    folder = tmp_path_factory.mktemp("inspection")
    with gateway(folder, forward=policy, names=NAMES, environment=environment) as running:
        yield running


@pytest.fixture(scope="module")
def trusting(proxy: Gateway) -> ssl.SSLContext:
    """A client that trusts the gateway's authority alone."""
    return ssl.create_default_context(cafile=proxy.state / "ca" / "ca.pem")


@contextmanager
def _tunnel(proxy: Gateway, host: str, port: int) -> Iterator[Wire]:
    authority = f"{host}:{port}"
    with proxy.through() as wire:
        wire.send(get(authority, authority, method="CONNECT"))
        assert wire.interim() == 200
        yield wire


@contextmanager
def _inside(proxy: Gateway, context: ssl.SSLContext, host: str, port: int, sni: str | None = None) -> Iterator[Wire]:
    with _tunnel(proxy, host, port) as tunnel, context.wrap_socket(tunnel.socket, server_hostname=sni or host) as tls:
        yield Wire(tls)


def test_what_is_inside_is_judged_request_by_request(
    proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    origin.forget()
    host = f"tls.example:{origin.port}"
    with _inside(proxy, trusting, "tls.example", origin.port) as wire:
        page, secret, again = wire.ask_all(get(path, host) for path in ("/page", "/%73ecret/x", "/again"))

    assert [page.status, secret.status, again.status] == [200, 403, 200]
    assert page.body == BODY
    decision = proxy.decision(secret)
    assert (decision["reason"], decision["rule"]) == ("rule-deny", "no-secrets")
    record = proxy.record(secret.decision)
    assert record["tls"] == {"sni": "tls.example", "mode": "inspected", "version": "1.3"}
    assert (record["request"]["scheme"], record["request"]["path"]) == ("https", "/secret/x")
    assert [request.split(b" ")[1] for request in origin.requests] == [b"/page", b"/again"]


def test_curl_trusts_the_authority_that_the_command_exports(
    proxy: Gateway, origin: RecordingOrigin, tmp_path: Path
) -> None:
    exported = subprocess.run(
        [COMMAND, "ca", "export", "--state", str(proxy.state)],
        check=True,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
    )
    (tmp_path / "authority.crt").write_text(exported.stdout, encoding="utf-8")
    command = ["curl", "-qs", "-x", f"http://127.0.0.1:{proxy.forward}", "--cacert", str(tmp_path / "authority.crt")]
    run = subprocess.run(
        [*command, f"https://tls.example:{origin.port}/"], check=True, capture_output=True, timeout=PATIENCE
    )

    assert run.stdout == BODY


def test_what_the_policy_splices_passes_unread(proxy: Gateway, origin: RecordingOrigin, authority: Authority) -> None:
    origin.forget()
    theirs = ssl.create_default_context(cafile=authority.file)
    host = f"bank.example:{origin.port}"
    with _inside(proxy, theirs, "bank.example", origin.port) as wire:
        answers = wire.ask_all(get(path, host) for path in ("/secret/account", "/two"))

    assert [(answer.status, answer.body) for answer in answers] == [(200, BODY)] * 2
    assert origin.requests[0].startswith(b"GET /secret/account HTTP/1.1\r\n")
    record = proxy.wait_for(lambda each: each["event"] == "decision" and each["request"]["host"] == "bank.example")
    assert (record["decision"]["verdict"], record["tls"]["mode"]) == ("allow", "spliced")
    assert (record["request"]["path"], record["destination"]["ip"]) == (None, OPEN)
    end = proxy.record(record["id"], "end")
    assert end["bytes"]["up"] > 500
    assert end["bytes"]["down"] > 1000


@pytest.mark.parametrize(
    ("connected", "named"), [("bank.example", "tls.example"), ("tls.example", "bank.example"), ("tls.example", "x")]
)
def test_a_spliced_name_never_covers_another(
    connected: str, named: str, proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    origin.forget()
    before = len(_reasons(proxy, "name-mismatch"))
    with pytest.raises((ssl.SSLError, ConnectionError)), _inside(proxy, trusting, connected, origin.port, named):
        pass

    until(lambda: len(_reasons(proxy, "name-mismatch")) > before, "the mismatch was not recorded")
    record = _reasons(proxy, "name-mismatch")[-1]
    assert (record["decision"]["verdict"], record["request"]["host"]) == ("deny", connected)
    assert origin.visits == []


def _reasons(proxy: Gateway, reason: str) -> list[Record]:
    return [each for each in proxy.records() if each["event"] == "decision" and each["decision"]["reason"] == reason]


def test_a_request_inside_cannot_ask_for_another_host(
    proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    origin.forget()
    for host, status in ((f"bank.example:{origin.port}", 421), ("tls.example", 421), ("127.0.0.1", 421)):
        with _inside(proxy, trusting, "tls.example", origin.port) as wire:
            answer = wire.ask(get("/", host))
        assert proxy.decision(answer)["reason"] == "name-mismatch"
        assert answer.status == status
    assert origin.visits == []


def test_an_absolute_target_inside_is_refused(
    proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    host = f"tls.example:{origin.port}"
    with _inside(proxy, trusting, "tls.example", origin.port) as wire:
        answer = wire.ask(get(f"https://{host}/", host))

    assert proxy.decision(answer)["reason"] == "malformed-request"
    assert answer.status == 400


@pytest.mark.parametrize("spelling", ["TLS.example", "tls.example.", "TLS.EXAMPLE"])
def test_a_name_is_one_name_however_it_is_spelt(
    spelling: str, proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    with _inside(proxy, trusting, spelling, origin.port, "tls.example") as wire:
        answer = wire.ask(get("/", f"{spelling}:{origin.port}"))

    assert answer.status == 200


@pytest.mark.parametrize("port", [1, 22, 25, 53, 80, 444, 8443, 65535])
def test_a_tunnel_goes_to_the_ports_that_the_policy_names(port: int, proxy: Gateway) -> None:
    authority = f"tls.example:{port}"

    assert proxy.refusal(get(authority, authority, method="CONNECT")) == (403, "guardrail", "builtin-connect-port")


def test_a_host_that_is_denied_is_denied_before_its_tunnel_opens(proxy: Gateway) -> None:
    assert proxy.refusal(get("www.games.example:443", "www.games.example:443", method="CONNECT")) == (
        *(403, "rule-deny"),
        "no-games",
    )


@pytest.mark.parametrize(
    ("wanted", "host"),
    [
        ((403, "guardrail", "builtin-special"), "inside.example"),
        ((502, "upstream-unresolved", None), "nowhere.example"),
    ],
)
def test_where_a_name_leads_is_found_out_inside(
    wanted: tuple[int, str, str | None], host: str, proxy: Gateway, trusting: ssl.SSLContext
) -> None:
    with _inside(proxy, trusting, host, 443) as wire:
        answer = wire.ask(get("/", host))

    proxy.decision(answer)
    assert answer.verdict == wanted


def test_an_origin_that_nobody_vouches_for_is_not_spoken_to(
    proxy: Gateway, stranger: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    with _inside(proxy, trusting, "stranger.example", stranger.port) as wire:
        answer = wire.ask(get("/", f"stranger.example:{stranger.port}"))

    assert (answer.status, answer.problem["reason"]) == (502, "upstream-unknown-authority")
    assert proxy.record(answer.decision, "end")["reason"] == "upstream-unknown-authority"
    assert stranger.received == b""


def test_an_origin_under_another_name_is_not_spoken_to(
    proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    origin.forget()
    with _inside(proxy, trusting, "wrong.example", origin.port) as wire:
        answer = wire.ask(get("/", f"wrong.example:{origin.port}"))

    assert (answer.status, answer.problem["reason"]) == (502, "upstream-wrong-name")
    assert origin.received == b""


def test_an_origin_that_speaks_no_tls_is_told_from_one_that_is_not_trusted(
    proxy: Gateway, echo: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    with _inside(proxy, trusting, "plain.example", echo.port) as wire:
        answer = wire.ask(get("/", f"plain.example:{echo.port}"))

    assert (answer.status, answer.problem["reason"]) == (502, "upstream-no-tls")
    assert echo.requests == []


@pytest.mark.parametrize("first", [b"SSH-2.0-OpenSSH_9.6\r\n", b"\x00\x01\x02\x03", b"ehlo a\r\n", b"{}\n"])
def test_what_is_neither_tls_nor_http_goes_nowhere(first: bytes, proxy: Gateway, echo: RecordingOrigin) -> None:
    echo.forget()
    with _tunnel(proxy, "plain.example", echo.port) as wire:
        wire.send(first)
        assert wire.ended

    assert echo.visits == []


def test_plain_http_in_a_tunnel_is_judged_like_any_other(proxy: Gateway, echo: RecordingOrigin) -> None:
    echo.forget()
    host = f"plain.example:{echo.port}"
    with _tunnel(proxy, "plain.example", echo.port) as wire:
        page, secret = wire.ask_all([get("/page", host), get("/secret", host)])

    assert (page.status, secret.status, proxy.decision(secret)["rule"]) == (200, 403, "no-secrets")
    assert [request.split(b" ")[1] for request in echo.requests] == [b"/page"]


def test_a_hello_that_comes_in_crumbs_is_the_same_hello(
    proxy: Gateway, origin: RecordingOrigin, trusting: ssl.SSLContext
) -> None:
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = trusting.wrap_bio(incoming, outgoing, server_hostname="tls.example")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    hello = outgoing.read()
    with _tunnel(proxy, "tls.example", origin.port) as wire:
        wire.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for at in range(0, len(hello), 37):
            wire.send(hello[at : at + 37])
        incoming.write(wire.socket.recv(65536))
        _finish(client, incoming, outgoing, wire)

    assert client.version() in {"TLSv1.2", "TLSv1.3"}


def _finish(client: ssl.SSLObject, incoming: ssl.MemoryBIO, outgoing: ssl.MemoryBIO, wire: Wire) -> None:
    while True:
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            incoming.write(wire.socket.recv(65536))
        else:
            wire.send(outgoing.read())
            return


def test_a_client_that_does_not_trust_the_gateway_is_told_apart_in_the_log(
    proxy: Gateway, origin: RecordingOrigin, authority: Authority
) -> None:
    origin.forget()
    distrusting = ssl.create_default_context(cafile=authority.file)
    with pytest.raises(ssl.SSLError), _inside(proxy, distrusting, "tls.example", origin.port):
        pass

    told = proxy.wait_for(lambda each: "handshake" in str(each))
    assert (told["decision"]["verdict"], told["decision"]["reason"]) == ("deny", "protocol-refused")
    assert origin.visits == []


def test_a_tunnel_in_which_nothing_is_asked_for_leaves_a_trace(proxy: Gateway) -> None:
    with _tunnel(proxy, "silent.example", 443):
        pass

    left = proxy.wait_for(lambda each: "silent.example" in str(each))
    assert (left["event"], left["decision"]["reason"]) == ("decision", "protocol-refused")


def test_old_tls_is_refused(proxy: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    with _tunnel(proxy, "tls.example", origin.port) as wire:
        wire.send(bytes.fromhex("16030100330100002f0301") + bytes(32) + bytes.fromhex("000002002f0100 0004 00170000"))
        with pytest.raises(Closed):
            wire.answer()

    told = proxy.wait_for(lambda each: each["event"] == "decision" and each["decision"]["rule"] == "no-old-tls")
    assert (told["decision"]["verdict"], told["decision"]["reason"]) == ("deny", "rule-deny")
    assert origin.visits == []
