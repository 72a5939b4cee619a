"""The front door behind a balancer: whom its header names is the client of everything, and nobody else can name one."""

from __future__ import annotations

import socket
import struct
from typing import TYPE_CHECKING

import pytest

from tests.e2e.front_doors import BALANCER, Door, door
from tests.e2e.wire import Closed, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

SIGNATURE = b"\r\n\r\n\x00\r\nQUIT\n"
V1 = b"PROXY TCP4 198.51.100.7 192.0.2.1 40001 443\r\n"
V1_SIX = b"PROXY TCP6 2001:db8::7 2001:db8::1 40001 443\r\n"
V2 = (
    SIGNATURE
    + b"\x21\x11\x00\x0c"
    + socket.inet_aton("198.51.100.7")
    + socket.inet_aton("192.0.2.1")
    + struct.pack("!HH", 40001, 443)
)
V2_SIX = (
    SIGNATURE
    + b"\x21\x21\x00\x24"
    + socket.inet_pton(socket.AF_INET6, "2001:db8::7")
    + socket.inet_pton(socket.AF_INET6, "2001:db8::1")
    + struct.pack("!HH", 40001, 443)
)
LOCAL = SIGNATURE + b"\x20\x00\x00\x00"
ASK = get("/", "shop.example")
CLOSED_TO_SOME = "guardrails: [{id: not-them, reason: no, when: {client.ip: {in: [198.51.100.66]}}}]"


@pytest.fixture(scope="module")
def ring(tmp_path_factory: pytest.TempPathFactory) -> Keyring:
    return Keyring.in_folder(tmp_path_factory.mktemp("keys"))


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    with door(tmp_path_factory.mktemp("front"), balancers=[BALANCER], policy=CLOSED_TO_SOME) as opened:
        yield opened


@pytest.fixture(scope="module")
def encrypted(ring: Keyring, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Door]:
    shown = ring.shows(ring.issue("shop", "shop.example"))
    with door(tmp_path_factory.mktemp("encrypted"), balancers=[BALANCER], tls=shown) as opened:
        yield opened


NAMED = [
    pytest.param("198.51.100.7", V1, id="v1"),
    pytest.param("2001:db8::7", V1_SIX, id="v1-ipv6"),
    pytest.param("198.51.100.7", V2, id="v2"),
    pytest.param("2001:db8::7", V2_SIX, id="v2-ipv6"),
]


@pytest.mark.parametrize(("client", "header"), NAMED)
def test_whom_the_header_names_is_the_client_of_records_and_fields(client: str, header: bytes, front: Door) -> None:
    front.origin.forget()
    with front.plain(BALANCER, header) as wire:
        assert wire.ask(ASK).status == 200

    assert front.decisions[-1]["client"] == _client(client, 40001)
    [request] = front.origin.requests
    assert f"\r\nX-Forwarded-For: {client}\r\n".encode() in request


@pytest.mark.parametrize(("client", "header"), NAMED)
def test_the_header_comes_before_tls(client: str, header: bytes, encrypted: Door, ring: Keyring) -> None:
    encrypted.origin.forget()
    with encrypted.encrypted("shop.example", ring.client(), BALANCER, header) as wire:
        assert wire.ask(ASK).status == 200

    assert encrypted.decisions[-1]["client"] == _client(client, 40001)
    [request] = encrypted.origin.requests
    assert f"\r\nX-Forwarded-For: {client}\r\n".encode() in request


def _client(address: str, port: int) -> dict[str, object]:
    return {"ip": address, "port": port, "user": None, "groups": [], "balancer": BALANCER}


def test_a_header_in_crumbs_and_one_that_comes_with_the_request_are_the_same(front: Door) -> None:
    with front.plain(BALANCER) as wire:
        for byte in V2:
            wire.send(bytes([byte]))
        assert wire.ask(ASK).status == 200
    with front.plain(BALANCER, V2 + ASK) as wire:
        assert wire.answer().status == 200


def test_a_balancer_that_speaks_for_itself_is_the_client(front: Door) -> None:
    with front.plain(BALANCER, LOCAL) as wire:
        assert wire.ask(ASK).status == 200

    client = front.decisions[-1]["client"]
    assert (client["ip"], "balancer" in client) == (BALANCER, False)


def test_the_policy_judges_whom_the_header_names(front: Door) -> None:
    with front.plain(BALANCER, V1.replace(b".7 ", b".66 ", 1)) as wire:
        assert wire.rest() == b""

    assert front.refusals[-1][0] == "guardrail"
    assert front.decisions[-1]["client"]["ip"] == "198.51.100.66"


@pytest.mark.parametrize(
    ("reason", "said"),
    [
        pytest.param("malformed-request", ASK, id="missing"),
        pytest.param("malformed-request", b"PROXY UNKNOWN\r\n" + ASK, id="unknown"),
        pytest.param("malformed-request", SIGNATURE + b"\x21\x00\x00\x00" + ASK, id="unspecified"),
        pytest.param("malformed-request", V1.replace(b"40001", b"040001"), id="leading-zero"),
        pytest.param("malformed-request", V1.replace(b"\r\n", b"\n") + b"x" * 107, id="no-end"),
        pytest.param("malformed-request", V2[:13] + b"\x12" + V2[14:], id="udp"),
        pytest.param("malformed-request", b"\x16\x03\x01", id="tls-at-once"),
        pytest.param("head-timeout", V1[:20], id="half-a-line"),
        pytest.param("head-timeout", V2[:20], id="half-a-header"),
        pytest.param("head-timeout", b"", id="silence"),
    ],
)
def test_without_a_header_that_names_somebody_nothing_is_served(reason: str, said: bytes, front: Door) -> None:
    front.origin.forget()
    with front.plain(BALANCER, said) as wire:
        assert wire.rest() == b""

    assert front.refusals[-1][0] == reason
    assert front.decisions[-1]["client"]["ip"] == BALANCER
    assert front.origin.received == b""


def test_a_header_that_is_cut_off_is_recorded_and_a_look_at_the_port_is_not(front: Door) -> None:
    before = len(front.decisions)
    front.plain(BALANCER).socket.close()
    with front.plain(BALANCER, V1[:20]) as wire:
        wire.socket.shutdown(socket.SHUT_WR)
        assert wire.rest() == b""

    [record] = front.decisions[before:]
    assert record["decision"]["detail"] == "The PROXY header cannot be read: the connection ended within the header."


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_nobody_else_can_name_a_client(header: bytes, front: Door) -> None:
    front.origin.forget()
    with front.plain("127.0.0.1", header) as wire:
        assert wire.ask(ASK).status == 400

    assert (front.refusals[-1][0], front.decisions[-1]["client"]["ip"]) == ("malformed-request", "127.0.0.1")
    assert front.origin.received == b""


@pytest.mark.parametrize("header", [V1, V2], ids=["v1", "v2"])
def test_nobody_else_can_name_a_client_in_front_of_tls(header: bytes, encrypted: Door, ring: Keyring) -> None:
    encrypted.origin.forget()
    with pytest.raises((OSError, Closed)), encrypted.encrypted("shop.example", ring.client(), "127.0.0.1", header) as w:
        w.ask(ASK)

    assert encrypted.refusals[-1][0] == "malformed-request"
    assert encrypted.origin.received == b""


@pytest.mark.parametrize(
    ("client", "trusted"), [("203.0.113.9", ["198.51.100.0/24"]), ("198.51.100.7", [BALANCER]), ("198.51.100.7", [])]
)
def test_forwarding_fields_are_believed_only_of_whom_the_header_names(
    client: str, trusted: list[str], tmp_path: Path
) -> None:
    with door(tmp_path, balancers=[BALANCER], trusted=trusted) as front, front.plain(BALANCER, V2) as wire:
        assert wire.ask(get("/", "shop.example", "X-Forwarded-For: 203.0.113.9")).status == 200
        assert front.decisions[-1]["client"]["ip"] == client


def test_connections_are_counted_by_the_client_and_not_by_the_balancer(tmp_path: Path) -> None:
    other = V1.replace(b".7 ", b".8 ", 1)
    with door(tmp_path, balancers=[BALANCER], per_client=1) as front, front.plain(BALANCER, V1) as first:
        assert first.ask(ASK).status == 200
        with front.plain(BALANCER, other) as second:
            assert second.ask(ASK).status == 200
        with front.plain(BALANCER, V1) as third:
            assert third.answer().verdict == (503, "capacity", None)
        assert front.decisions[-1]["client"]["ip"] == "198.51.100.7"


def test_a_forward_proxy_stands_behind_a_balancer_as_well(front: Door) -> None:
    place = f"origin.example:{front.origin.port}"
    with front.plain(BALANCER, V2, front.gateway.forward) as wire:
        assert wire.ask(get(f"http://{place}/", place)).status == 200
        assert front.decisions[-1]["client"] == _client("198.51.100.7", 40001)
    with front.plain(BALANCER, b"", front.gateway.forward) as wire:
        wire.send(get(f"http://{place}/", place))
        assert wire.rest() == b""

    assert front.refusals[-1][0] == "malformed-request"
