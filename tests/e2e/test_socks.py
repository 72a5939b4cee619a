"""Clients that speak SOCKS 5: the same policy, tunnels and records as behind a CONNECT."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING

import pytest

from addons.connections.bounds import Bounds, Patience
from gateway.config.settings import LimitSettings
from tests.e2e import origin as origins
from tests.e2e.gateways import Running, Scenery, serving
from tests.e2e.origin import Origin, client, read_all
from tests.e2e.trail import check_exchanges

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

ASKING = b"\x05\x01\x00" + b"\x05\x01\x00\x03\x0eorigin.example"
GRANTED = b"\x05\x00" + b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00"
POLICY = """
rules:
  - {id: no-path, action: deny, reason: closed, when: {path: {prefix: [/refused]}}, not: {protocol: [tcp]}}
  - {id: raw, action: allow, reason: raw, when: {protocol: [tcp], host: {is: [other.example]}}}
tls:
  inspect: all
  splice:
    - {id: unread, reason: tests, when: {host: {is: [x.many.example]}}}
"""


@pytest.fixture(scope="module")
def secret(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Running, Origin, Path]]:
    folder = tmp_path_factory.mktemp("socks")
    identity = origins.identity_for(folder, "origin.example", "x.many.example")
    with origins.origin(tls=identity.context) as origin:
        scenery = Scenery(folder=folder, origin=origin.port, trust=identity.authority, policy=POLICY, entry="socks5")
        with serving(scenery) as gateway:
            yield gateway, origin, folder
    check_exchanges(gateway.records())


def curl(gateway: Running, way: str, url: str, *options: str) -> tuple[int, str]:
    """The exit code of curl, and what it printed."""
    command = ["curl", "-s", "-m", "10", way, f"127.0.0.1:{gateway.forward}", *options, url]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout


@pytest.mark.parametrize(
    ("way", "url"),
    [("--socks5", "http://127.0.0.1:{}/in"), ("--socks5-hostname", "http://origin.example:{}/in")],
)
def test_plain_http_by_address_and_by_name(way: str, url: str, tmp_path: Path) -> None:
    with (
        origins.origin() as origin,
        serving(Scenery(folder=tmp_path, origin=origin.port, policy=POLICY, entry="socks5")) as gateway,
    ):
        assert curl(gateway, way, url.format(origin.port)) == (0, "hello")
        refused = curl(gateway, way, url.format(origin.port).replace("/in", "/refused"))

    assert '"rule": "no-path"' in refused[1]
    assert b"/refused" not in origin.received
    assert gateway.exchanges() == [("allow", "allowed-by-default"), ("end", 200), ("deny", "rule-deny"), ("end", 403)]


def test_tls_is_inspected(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret
    authority = str(folder / "state" / "ca" / "ca.pem")
    url = f"https://origin.example:{origin.port}"

    assert curl(gateway, "--socks5-hostname", f"{url}/in", "--cacert", authority) == (0, "hello")
    assert '"rule": "no-path"' in curl(gateway, "--socks5-hostname", f"{url}/refused", "--cacert", authority)[1]
    assert b"GET /refused" not in origin.received


def test_tls_is_spliced_where_the_policy_says_so(secret: tuple[Running, Origin, Path]) -> None:
    gateway, origin, folder = secret
    url = f"https://x.many.example:{origin.port}/refused"

    assert curl(gateway, "--socks5-hostname", url, "--cacert", str(folder / "authority.pem")) == (0, "hello")


@pytest.mark.parametrize(
    ("code", "way", "url"),
    [
        (97, "--socks5-hostname", "https://origin.example:25/"),
        (97, "--socks5-hostname", "https://10.0.0.1/"),
        (97, "--socks5", "https://10.0.0.1/"),
        (97, "--socks4", "https://127.0.0.1/"),
        (97, "--socks4a", "https://origin.example/"),
        (56, "--proxy", "https://origin.example/"),
    ],
)
def test_a_refusal_is_an_error_that_names_the_proxy(
    code: int, way: str, url: str, secret: tuple[Running, Origin, Path]
) -> None:
    gateway, origin, _ = secret
    visits = len(origin.visits)

    assert curl(gateway, way, url) == (code, "")
    assert len(origin.visits) == visits


def test_other_protocols_pass_where_a_rule_allows_them(tmp_path: Path) -> None:
    def echo(connection: socket.socket, visit: origins.Visit) -> None:
        visit.data += connection.recv(100)
        connection.sendall(b"echo " + bytes(visit.data))

    with (
        origins.origin(serve=echo) as origin,
        serving(Scenery(folder=tmp_path, origin=origin.port, policy=POLICY, entry="socks5")) as gateway,
        client(gateway.forward) as allowed,
        client(gateway.forward) as refused,
    ):
        port = origin.port.to_bytes(2)
        allowed.sendall(ASKING.replace(b"\x0eorigin", b"\x0dother") + port + b"helo\r\n")
        refused.sendall(ASKING + port + b"helo\r\n")

        assert read_all(allowed) == GRANTED + b"echo helo\r\n"
        assert read_all(refused) == GRANTED

    assert len(origin.visits) == 1
    assert sorted(each for each in gateway.exchanges() if each[0] != "end") == [
        ("allow", "allowed-by-rule"),
        ("deny", "protocol-refused"),
    ]


def test_a_server_that_would_speak_first_is_not_dialled_before_the_client_has_spoken(tmp_path: Path) -> None:
    def greet(connection: socket.socket, _visit: origins.Visit) -> None:
        connection.sendall(b"220 ready\r\n")

    bounds = Bounds(patience=Patience(handshake=0.3))
    with origins.origin(serve=greet) as origin:
        scenery = Scenery(folder=tmp_path, origin=origin.port, policy=POLICY, entry="socks5", bounds=bounds)
        with serving(scenery) as gateway, client(gateway.forward) as connection:
            connection.sendall(ASKING.replace(b"\x0eorigin", b"\x0dother") + origin.port.to_bytes(2))
            assert read_all(connection) == GRANTED

    assert origin.visits == []
    assert gateway.exchanges() == [("deny", "head-timeout"), ("end", None)]


def test_a_client_without_a_place_is_told_so_in_the_words_of_socks(tmp_path: Path) -> None:
    limits = LimitSettings(connections_per_client=1)
    with (
        origins.origin() as origin,
        serving(Scenery(folder=tmp_path, origin=origin.port, limits=limits, entry="socks5")) as gateway,
        client(gateway.forward) as first,
    ):
        first.sendall(b"\x05\x01\x00")
        assert first.recv(2) == b"\x05\x00"
        with client(gateway.forward) as second:
            assert read_all(second) == b"\x05\xff"

    assert ("deny", "capacity") in gateway.exchanges()
