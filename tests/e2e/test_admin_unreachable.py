"""Nobody gets to the admin side through a listener: by SOCKS, in tunnels, inside inspected TLS, led there by an origin.

The policy opens everything on this machine, and even the port of the admin side for tunnels: what is closed here is
closed by the gateway itself. That the same ways lead to another port of the machine is held as well.
"""

from __future__ import annotations

import ipaddress
import socket
import subprocess
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.looked_after import LookedAfter, looked_after
from tests.e2e.origins import RecordingOrigin

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.e2e
ASKED: Final = b"GET /readyz HTTP/1.1\r\nHost: %b\r\nConnection: close\r\n\r\n"
SIGN: Final = '"status":"ready"'
"""What the admin side says to everybody who gets there."""
GREETING: Final = b"\x05\x01\x00"
GRANTED: Final = b"\x05\x00\x00"
ADDRESSES: Final = (
    "127.0.0.1",
    "127.255.0.1",
    "0.0.0.0",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::127.0.0.1",
    "64:ff9b::7f00:1",
)
NAMES: Final = (
    "localhost",
    "LOCALHOST.",
    "x.localhost",
    "looped.example",
    "mapped.example",
    "127.1",
    "2130706433",
    "0x7f.1",
    "0177.0.0.1",
    "127.0.0.1.",
    "0",
    "[::1]",
    "::ffff:7f00:1",
)
TUNNELLED: Final = ("127.0.0.1", "0.0.0.0", "looped.example", "localhost", "[::ffff:127.0.0.1]")


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("unreachable")) as found:
        yield found
        check_log(found)


@pytest.fixture(scope="module")
def socks(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("socks"), entry="socks5") as found:
        yield found
        check_log(found)


def check_log(side: LookedAfter) -> None:
    """Whatever was decided about the port of the admin side, it was no, and by the gateway itself.

    At `::1` somebody else may listen at the same port number: that is another place, and nobody is there.
    """
    decided = [
        (each["decision"]["verdict"], each["decision"]["reason"], each["decision"]["rule"], each["request"]["host"])
        for each in side.gateway.records()
        if (each["event"], each.get("listener")) == ("decision", "egress") and each["request"]["port"] == side.admin
    ]
    closed = [each for each in decided if each[:3] == ("deny", "guardrail", "builtin-special")]
    unclear = [each for each in decided if each[:2] == ("deny", "malformed-request")]
    assert closed
    assert [each for each in decided if each not in closed and each not in unclear and each[3] != "::1"] == []


def by_socks(gateway: int, address: bytes, port: int, name: str) -> bytes:
    """All that comes back when somebody asks there."""
    with socket.create_connection(("127.0.0.1", gateway), timeout=20) as wire:
        wire.sendall(GREETING)
        assert wire.recv(2) == b"\x05\x00"
        wire.sendall(b"\x05\x01\x00" + address + port.to_bytes(2))
        answer = wire.recv(4096)
        if not answer.startswith(GRANTED):
            return answer
        wire.sendall(ASKED % f"{name}:{port}".encode())
        while piece := wire.recv(65536):
            answer += piece
        return answer


def packed(address: str) -> bytes:
    """An address in a SOCKS request (RFC 1928 section 5)."""
    found = ipaddress.ip_address(address)
    return (b"\x01" if found.version == 4 else b"\x04") + found.packed


@pytest.mark.parametrize("address", ADDRESSES)
def test_not_by_socks_to_an_address(address: str, socks: LookedAfter) -> None:
    host = f"[{address}]" if ":" in address else address

    assert SIGN.encode() not in by_socks(socks.gateway.forward, packed(address), socks.admin, host)


@pytest.mark.parametrize("name", NAMES)
def test_not_by_socks_to_a_name(name: str, socks: LookedAfter) -> None:
    address = b"\x03" + bytes([len(name)]) + name.encode()

    assert SIGN.encode() not in by_socks(socks.gateway.forward, address, socks.admin, name)


def test_the_same_ways_lead_elsewhere(side: LookedAfter, socks: LookedAfter) -> None:
    by_address = by_socks(socks.gateway.forward, packed("127.0.0.1"), socks.server, "127.0.0.1")
    plain = curl(side, f"http://looped.example:{side.server}/items/1")

    assert b"HTTP/1.1 404 Not Found" in by_address, "the server behind it was asked"
    assert plain.endswith("200 0 1.1")
    with side.client(token="") as client:
        assert SIGN in client.get("/readyz").text


def curl(side: LookedAfter, url: str, *options: str) -> str:
    """What curl prints behind the proxy: the body; status, number of redirects, version."""
    command = ["curl", "-sk", "-m", "20", "-x", f"http://127.0.0.1:{side.gateway.forward}", *options]
    command += ["-w", "%{http_code} %{num_redirects} %{http_version}", "--noproxy", "", url]
    return subprocess.run(command, check=False, capture_output=True, text=True).stdout


@pytest.mark.parametrize("host", TUNNELLED)
@pytest.mark.parametrize("way", ["plain in a tunnel", "TLS in a tunnel", "HTTP/2 in a tunnel", "without a tunnel"])
def test_not_through_the_proxy_as_curl_does_it(way: str, host: str, side: LookedAfter) -> None:
    scheme = "https" if way.startswith(("TLS", "HTTP/2")) else "http"
    options = {"plain in a tunnel": ("-p",), "HTTP/2 in a tunnel": ("--http2",)}.get(way, ())

    told = curl(side, f"{scheme}://{host}:{side.admin}/readyz", *options)

    assert SIGN not in told
    assert told.split()[-3] in {"403", "000", "502"}, told


@pytest.mark.parametrize(("version", "option"), [("1.1", "--http1.1"), ("2", "--http2")])
def test_not_by_naming_it_inside_an_inspected_tunnel(version: str, option: str, side: LookedAfter) -> None:
    told = curl(side, "https://shop.example/readyz", option, "-H", f"Host: 127.0.0.1:{side.admin}")

    assert SIGN not in told
    assert told.endswith(f"421 0 {version}")


@pytest.mark.parametrize("host", ["127.0.0.1", "looped.example", "localhost"])
def test_not_by_a_redirect_of_an_origin(host: str, side: LookedAfter) -> None:
    to = f"http://{host}:{side.admin}/readyz".encode()
    answer = b"HTTP/1.1 302 Found\r\nLocation: " + to + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
    with RecordingOrigin(answering=lambda _head: (answer, True)) as origin:
        told = curl(side, f"http://looped.example:{origin.port}/", "-L")

    assert SIGN not in told
    assert told.endswith("403 1 1.1")


def test_not_through_the_reverse_listener_by_naming_it(side: LookedAfter) -> None:
    name = f"127.0.0.1:{side.admin}".encode()
    for target in (b"/readyz", b"http://" + name + b"/readyz", b"//" + name + b"/readyz"):
        with side.gateway.front() as wire:
            wire.send(b"GET " + target + b" HTTP/1.1\r\nHost: " + name + b"\r\nConnection: close\r\n\r\n")
            told = wire.answer()
        assert SIGN.encode() not in told.body, target
