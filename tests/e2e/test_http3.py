"""HTTP/3 into a reverse listener: what backends hear, what clients get, and what is on record."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING, Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding

from addons.connections.bounds import Bounds, Patience
from addons.http3.frames import Code, Kind
from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.front_doors import Door, door
from tests.e2e.h2wire import H2Origin, Message, Talk
from tests.e2e.h3wire import Client, asking, body, head, talking
from tests.e2e.sabotage import SABOTAGE, Saboteur
from tests.e2e.wire import get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.e2e.origin import Visit

pytestmark = pytest.mark.e2e

HOST = "shop.example"
RULES = """
rules:
  - {id: no-secrets, action: deny, reason: not for you, when: {path: {prefix: [/refused]}}}
  - {id: no-old, action: deny, reason: too old, when: {path: {prefix: [/new]}, protocol: [http/1.1, h2]}}
  - {id: no-large, action: deny, reason: too much, when: {request.size: {above: 100kB}, path: {prefix: [/small]}}}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("http3")


@pytest.fixture(scope="module")
def ring(folder: Path) -> Keyring:
    return Keyring.in_folder(folder)


@pytest.fixture(scope="module")
def origin() -> Iterator[origins.Origin]:
    with origins.origin() as served:
        yield served


@pytest.fixture(scope="module")
def standing(folder: Path, ring: Keyring, origin: origins.Origin) -> Iterator[Door]:
    shown = ring.shows(ring.issue("shop", HOST), ring.issue("wild", "*.many.example"))
    (folder / "gateway").mkdir()
    bounds = Bounds(patience=Patience(head=2.0, exchange=4.0))
    with door(folder / "gateway", tls=shown, http3=True, policy=RULES, bounds=bounds, port=origin.port) as opened:
        yield opened


@pytest.fixture
def front(standing: Door, origin: origins.Origin) -> Iterator[Door]:
    origin.visits.clear()
    origin.answer, origin.serve = origins.HELLO, None
    yield standing
    assert [each for each in standing.refusals if each[0] == "internal-error"] == []


@pytest.fixture
def client(front: Door, folder: Path) -> Iterator[Client]:
    with talking(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.5") as opened:
        yield opened


def test_the_backend_hears_who_asks_and_of_https(front: Door, client: Client, origin: origins.Origin) -> None:
    answer = client.ask(asking(HOST, "/a?b=c", ("cookie", "a=1"), ("x-forwarded-for", "8.8.8.8"), ("cookie", "b=2")))

    assert (answer.status, bytes(answer.body)) == (200, b"hello")
    request = origin.received
    assert request.startswith(b"GET /a?b=c HTTP/1.1\r\nHost: shop.example\r\n")
    assert b"\r\ncookie: a=1; b=2\r\n" in request
    assert b"\r\nX-Forwarded-For: 127.0.0.5\r\n" in request
    assert b"\r\nX-Forwarded-Proto: https\r\n" in request
    assert b"8.8.8.8" not in request
    assert b"\r\nVia: 3 " in request
    record = front.decisions[-1]
    assert (record["request"]["protocol"], record["client"]["ip"]) == ("h3", "127.0.0.5")
    assert record["tls"] == {"sni": HOST, "mode": "terminated", "version": "1.3"}
    assert (record["decision"]["verdict"], record["decision"]["reason"]) == ("allow", "allowed-by-default")


@pytest.mark.parametrize(
    ("path", "method", "wanted"),
    [
        ("/refused/x", "GET", (403, "rule-deny")),
        ("/%72efused/x", "GET", (403, "rule-deny")),
        ("/small", "POST", (403, "rule-deny")),
    ],
)
def test_a_rule_holds_for_http3_as_for_all(path: str, method: str, wanted: tuple[int, str], client: Client) -> None:
    large = ("content-length", "200000") if method == "POST" else ("x", "y")

    assert (
        client.ask(asking(HOST, path, large, method=method), bytes(200_000) if method == "POST" else b"").verdict
        == wanted
    )


def test_a_policy_knows_who_speaks_http3(front: Door, client: Client, ring: Keyring) -> None:
    assert client.ask(asking(HOST, "/new")).status == 200
    with front.encrypted(HOST, ring.client()) as old:
        assert old.ask(get("/new", HOST)).verdict == (403, "rule-deny", "no-old")


def test_a_body_that_grows_beyond_a_rule_is_cut(front: Door, client: Client, origin: origins.Origin) -> None:
    stream = client.open()
    client.send(stream, head(asking(HOST, "/small", method="POST")))
    client.run(lambda: b"/small" in origin.received)
    client.send(stream, body(bytes(200_000)))
    client.run(lambda: client.answer(stream).is_over or client.answer(stream).stopped is not None)

    until(lambda: "rule-deny" in [each.get("reason") for each in front.gateway.records()], "it is not on record")
    assert not bytes(origin.visits[-1].data).endswith(b"0\r\n\r\n")


@pytest.mark.parametrize(
    ("name", "wanted"), [("other.example", "other.example"), ("a.b.many.example", "a.b.many.example"), (None, None)]
)
def test_a_host_without_a_certificate_is_refused_by_an_alert(
    name: str | None, wanted: str | None, front: Door, folder: Path
) -> None:
    with Client(front.gateway.reverse, name, folder / "root.pem") as client:
        assert client.ended() == 0x100 + 112

    record = front.decisions[-1]
    assert (record["decision"]["reason"], record["tls"]) == (
        "no-certificate",
        {"sni": wanted, "mode": None, "version": "1.3"},
    )


def _shown(client: Client) -> bytes:
    certificate = client.quic.tls._peer_certificate  # noqa: SLF001 - aioquic tells nobody else
    assert isinstance(certificate, x509.Certificate)
    return certificate.public_bytes(Encoding.PEM)


@pytest.mark.parametrize(("name", "file"), [(HOST, "shop"), ("x.many.example", "wild")])
def test_the_certificate_of_the_host_is_shown(name: str, file: str, front: Door, folder: Path) -> None:
    with talking(front.gateway.reverse, name, folder / "root.pem", verify_mode=2) as client:
        assert client.ask(asking(name)).status == 200
        assert _shown(client) in (folder / f"{file}.pem").read_bytes()


def test_new_certificates_are_shown_to_new_connections_and_old_ones_go_on(
    front: Door, client: Client, ring: Keyring, folder: Path
) -> None:
    old = (folder / "shop.pem").read_bytes()
    ring.issue("shop", HOST)
    store = front.gateway.engine.fronts["reverse"]
    asyncio.run_coroutine_threadsafe(store.reload_aside("file"), front.gateway.loop).result(PATIENCE)

    def again() -> bool:
        with talking(front.gateway.reverse, HOST, folder / "root.pem", verify_mode=2) as other:
            return _shown(other) in (folder / "shop.pem").read_bytes()

    until(again, "the new certificate was never shown")
    assert old != (folder / "shop.pem").read_bytes()
    assert client.ask(asking(HOST)).status == 200


def test_others_are_told_of_http3_and_nobody_of_what_an_upstream_offers(
    front: Door, client: Client, ring: Keyring, origin: origins.Origin
) -> None:
    origin.answer = origins.HELLO.replace(b"X-Origin: yes", b'Alt-Svc: h3=":1"')
    with front.encrypted(HOST, ring.client()) as old:
        answer = old.ask(get("/", HOST))

    assert [value for name, value in answer.fields if name.lower() == "alt-svc"] == [
        f'h3=":{front.gateway.reverse}"; ma=86400'
    ]
    assert b"alt-svc" not in client.ask(asking(HOST)).fields


def test_an_early_hint_goes_before_the_answer(client: Client, origin: origins.Origin) -> None:
    origin.answer = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + origins.HELLO
    answer = client.ask(asking(HOST, "/hinted"))

    assert [dict(each)[b":status"] for each in answer.heads] == [b"103", b"200"]
    assert bytes(answer.body) == b"hello"


def test_trailers_go_through_both_ways_to_an_origin_of_http2(folder: Path, ring: Keyring) -> None:
    (folder / "many").mkdir()
    plain, many = origins.identity_for(folder / "many", "origin.example"), H2Origin()
    plain.context.set_alpn_protocols(["h2"])
    asked: list[Message] = []

    def reply(talk: Talk, number: int, message: Message) -> None:
        asked.append(message)
        talk.h2.send_headers(number, [(":status", "200"), ("content-type", "application/grpc")])
        talk.data(number, b"\0\0\0\0\1x")
        talk.h2.send_headers(number, [("grpc-status", "0"), ("x-cost", "3")], end_stream=True)
        talk.flush()

    many.reply = reply
    shown = ring.shows(ring.issue("grpc", HOST))
    with (
        origins.origin(serve=many.serve, tls=plain.context) as h2,
        door(folder / "many", tls=shown, http3=True, port=h2.port, scheme="https", trust=plain.authority) as front,
        talking(front.gateway.reverse, HOST, folder / "root.pem") as client,
    ):
        fields = asking(HOST, "/shop.Shop/One", ("te", "trailers"), ("content-type", "application/grpc"), method="POST")
        answer = client.ask(fields, b"\0\0\0\0\1y", trailers=[(b"x-sum", b"7")])

    assert [dict(each).get(b"grpc-status") for each in answer.heads] == [None, b"0"]
    assert bytes(answer.body) == b"\0\0\0\0\1x"
    [message] = asked
    assert (message.get("te"), message.trailers, bytes(message.body)) == ("trailers", [("x-sum", "7")], b"\0\0\0\0\1y")


def test_a_gateway_that_leaves_lets_requests_end_and_says_goodbye(folder: Path, ring: Keyring, tmp_path: Path) -> None:
    go_on = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        origins.read_request(connection, visit)
        go_on.wait(PATIENCE)
        connection.sendall(origins.HELLO)

    shown = ring.shows(ring.issue("leaving", HOST))
    with (
        origins.origin(serve=serve) as origin,
        door(tmp_path, tls=shown, http3=True, port=origin.port) as front,
        talking(front.gateway.reverse, HOST, folder / "root.pem") as client,
    ):
        stream = client.begin(asking(HOST, "/slow"))
        client.run(lambda: b"/slow" in origin.received)
        for each in front.gateway.engine.served:
            front.gateway.call(each.drain)
        client.run(lambda: any(kind == Kind.GOAWAY for kind, _ in client.said))
        late = client.begin(asking(HOST, "/late"))
        client.run(lambda: client.answer(late).reset is not None)
        go_on.set()
        answer = client.whole(stream)

        assert (answer.status, bytes(answer.body)) == (200, b"hello")
        assert client.answer(late).reset == Code.REQUEST_REJECTED
        assert client.ended() == Code.NO_ERROR
    assert b"/late" not in origin.received


def test_an_address_that_a_guardrail_closes_is_told_at_once(folder: Path, ring: Keyring, tmp_path: Path) -> None:
    rule = "guardrails:\n  - {id: not-me, reason: not here, when: {client.ip: {in: [127.0.0.66/32]}}}\n"
    shown = ring.shows(ring.issue("closed", HOST))
    with door(tmp_path, tls=shown, http3=True, policy=rule) as front:
        with Client(front.gateway.reverse, HOST, folder / "root.pem", source="127.0.0.66") as client:
            assert client.ended() == 0x2
        with talking(front.gateway.reverse, HOST, folder / "root.pem") as other:
            assert other.ask(asking(HOST)).status == 200
        assert front.refusals[0][0] == "guardrail"


HOOKS_OF_HTTP3 = ["client_connected", "tunnel_hello", "quic_hello", "requestheaders", "request"]


@pytest.fixture(scope="module")
def sabotaged(folder: Path, ring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Door, Saboteur]]:
    saboteur = Saboteur()
    shown = ring.shows(ring.issue("failing", HOST))
    with door(tmp_path_factory.mktemp("failing"), tls=shown, http3=True, first=(saboteur,)) as front:
        yield front, saboteur


@pytest.mark.parametrize("how", SABOTAGE, ids=lambda how: how.__name__)
@pytest.mark.parametrize("hook", HOOKS_OF_HTTP3)
def test_a_hook_that_fails_lets_nothing_through_and_others_are_served(
    hook: str, how: Callable[[Any], Any], sabotaged: tuple[Door, Saboteur], folder: Path
) -> None:
    front, saboteur = sabotaged
    front.origin.forget()
    saboteur.target, saboteur.how = hook, how
    with Client(front.gateway.reverse, HOST, folder / "root.pem", idle_timeout=1.0) as client:
        client.run(lambda: client.is_connected or client.end is not None)
        if client.is_connected:
            answer = client.ask(asking(HOST))
            assert answer.reset is not None or answer.status >= 500
    saboteur.target = None

    assert front.origin.requests == []
    assert "internal-error" in {
        record.get("reason") or record.get("decision", {}).get("reason") for record in _all(front)
    }
    with talking(front.gateway.reverse, HOST, folder / "root.pem") as client:
        assert client.ask(asking(HOST)).status == 200


def _all(front: Door) -> list[dict[str, Any]]:
    assert front.decisions
    return front.gateway.records()


def test_too_large_a_body_is_refused(folder: Path, ring: Keyring, tmp_path: Path) -> None:
    shown = ring.shows(ring.issue("bounded", HOST))
    most = LimitSettings().body
    with door(tmp_path, tls=shown, http3=True) as front:
        with talking(front.gateway.reverse, HOST, folder / "root.pem") as client:
            large = ("content-length", str(most + 1))
            stream = client.open()
            client.send(stream, head(asking(HOST, "/", large, method="POST")))
            assert client.whole(stream).verdict == (413, "body-too-large")
        assert front.origin.requests == []
