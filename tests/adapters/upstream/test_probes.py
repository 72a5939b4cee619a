from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Final

import pytest

from addons.judging.exchange import Connections
from addons.tls.upstream_tls import UpstreamTls
from addons.upstream.connecting import Ways
from addons.upstream.probes import MOST, Probe, Unwell
from gateway.config.endpoints import parse_server
from gateway.config.settings import UpstreamTlsSettings
from gateway.policy.addresses import Address
from gateway.upstreams.lookup import NO_SUCH_NAME
from gateway.upstreams.pools.rules import CheckRules
from gateway.upstreams.resolver import Resolver
from gateway.upstreams.trust import Trust, read_trust
from tests.e2e.origin import identity_for, origin, read_request

if TYPE_CHECKING:
    import socket
    import ssl
    from pathlib import Path

    from OpenSSL import SSL

    from tests.e2e.origin import Visit

CHECK: Final = CheckRules(path="/up", timeout=5.0)
HERE: Final = Address.parse("127.0.0.1")
NOW: Final = 1_795_428_000.0


@dataclass
class Standing:
    """Whom to believe, and nobody changes it."""

    current: Trust


@dataclass
class Rules:
    """What holds for requests: `closed` addresses, and whom to believe."""

    trust: Trust
    closed: tuple[Address, ...] = ()

    def is_open(self, addresses: tuple[Address, ...]) -> bool:
        """Whether none of them is closed."""
        return not set(addresses) & set(self.closed)

    def towards(self, name: str) -> SSL.Connection:
        """A client's end that wants a proof."""
        connections = Connections(lambda: "", lambda: 0.0)
        return UpstreamTls(connections, Standing(self.trust)).towards(name, verify=True)


NOBODY: Final = Rules(read_trust(UpstreamTlsSettings(system_roots=False), NOW))


def look(url: str, check: CheckRules = CHECK, rules: Rules = NOBODY) -> str:
    """How a server is found: `well`, or why not."""
    probe = Probe(Resolver({"origin.example": (HERE,), "other.example": (HERE,), "nowhere.example": ()}), Ways())
    try:
        asyncio.run(probe.look(parse_server(url), check, rules))
    except Unwell as unwell:
        return str(unwell)
    return "well"


def answered(answer: bytes, check: CheckRules = CHECK) -> str:
    """How a server is found that answers this."""
    with origin(answer) as served:
        return look(f"http://origin.example:{served.port}", check)


@pytest.mark.parametrize(
    ("found", "answer"),
    [
        ("well", b"HTTP/1.1 200 OK\r\n\r\n"),
        ("well", b"HTTP/1.0 204\r\n\r\n"),
        ("well", b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early\r\nLink: x\r\n\r\nHTTP/1.1 200 OK\r\n\r\n"),
        ("it answered 503", b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n"),
        ("it answered 302", b"HTTP/1.1 302 Found\r\nLocation: http://origin.example/\r\n\r\n"),
        ("it gave no answer that can be read", b"HTTP/2 200\r\n\r\n"),
        ("it gave no answer that can be read", b"200 OK\r\n\r\n"),
        ("it gave no answer that can be read", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * MOST),
    ],
)
def test_a_server_is_found_as_it_answers(found: str, answer: bytes) -> None:
    assert answered(answer) == found


def test_other_statuses_may_be_good() -> None:
    wanted = replace(CHECK, statuses=((401, 401), (500, 599)))

    assert [answered(b"HTTP/1.1 %d X\r\n\r\n" % status, wanted) for status in (401, 503, 200)] == [
        "well",
        "well",
        "it answered 200",
    ]


def test_who_says_nothing_is_not_waited_for() -> None:
    def wait(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.recv(1)

    with origin(serve=wait) as served:
        found = look(f"http://origin.example:{served.port}", replace(CHECK, timeout=0.1))

    assert found == "no answer within 0.1 s"


def test_who_is_not_there_or_hangs_up_is_not_well() -> None:
    with origin(serve=lambda _connection, _visit: None) as served:
        hung_up = look(f"http://origin.example:{served.port}")
        url = f"http://origin.example:{served.port}"

    assert hung_up in {"it gave no answer that can be read", "the connection broke"}
    assert look(url) == "it cannot be reached"
    assert look("http://nowhere.example") == NO_SUCH_NAME


def test_a_closed_address_is_not_dialled() -> None:
    with origin() as served:
        found = look(f"http://origin.example:{served.port}", rules=replace(NOBODY, closed=(HERE,)))

    assert found == "the policy refuses its address"
    assert served.visits == []


@pytest.mark.parametrize(
    ("found", "host"),
    [("well", "origin.example"), ("the TLS handshake failed: wrong-name", "other.example")],
)
def test_over_tls_a_server_has_to_prove_who_it_is(found: str, host: str, tmp_path: Path) -> None:
    identity = identity_for(tmp_path, "origin.example")
    rules = Rules(read_trust(UpstreamTlsSettings(trust=(identity.authority,), system_roots=False), NOW))

    assert _looked(identity.context, host, rules) == (found, found == "well")
    assert _looked(identity.context, host, NOBODY)[1] is False


def _looked(context: ssl.SSLContext, host: str, rules: Rules) -> tuple[str, bool]:
    """How it was found, and whether it ever saw a request."""
    with origin(tls=context) as served:
        return look(f"https://{host}:{served.port}", rules=rules), b"GET /up" in served.received


def test_what_speaks_no_tls_is_not_well() -> None:
    with origin(serve=lambda connection, _visit: connection.sendall(b"220 hello\r\n")) as served:
        assert look(f"https://origin.example:{served.port}").startswith(("the TLS handshake failed", "it broke off"))
