from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

import pytest
from OpenSSL import SSL

from addons.tls.sessions import Sessions, Shaking
from addons.tls.upstream_contexts import upstream_context
from gateway.upstreams.trust import Trust
from tests.e2e.certificates import Certified, Wish, authority

if TYPE_CHECKING:
    from addons.tls.sessions import Who

WHO: Who = ("egress", "good.example", 443)


class Clock:
    """Time that is told by hand."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


class Pair:
    """A client of the gateway's making, and a server that it trusts."""

    def __init__(self, *, verify: bool = True) -> None:
        root = authority()
        shown = root.signs(Wish())
        self.server = _server(shown)
        trust = Trust(authorities=(root.certificate,), system_roots=False)
        self.client = upstream_context(trust, verify=verify)

    def connect(self, sessions: Sessions, who: Who = WHO) -> tuple[Shaking, bool]:
        """A whole connection: handshake, an answer, and its end. Tells whether a session was resumed."""
        client, server = SSL.Connection(self.client), SSL.Connection(self.server)
        client.set_connect_state()
        server.set_accept_state()
        shaking = sessions.begin(who, client)
        for _ in range(3):
            for end, other in ((client, server), (server, client)):
                with contextlib.suppress(SSL.WantReadError):
                    end.do_handshake()
                _carry(end, other)
        server.sendall(b"an answer")
        _carry(server, client)
        assert client.recv(100) == b"an answer"
        lib = vars(SSL)["_lib"]
        return shaking, bool(lib.SSL_session_reused(client._ssl))  # noqa: SLF001 - pyOpenSSL has no public way to ask


def _server(shown: Certified) -> SSL.Context:
    context = SSL.Context(SSL.TLS_SERVER_METHOD)
    context.use_certificate(shown.certificate)
    context.use_privatekey(shown.key)
    return context


def _carry(end: SSL.Connection, other: SSL.Connection) -> None:
    try:
        while data := end.bio_read(65535):
            other.bio_write(data)
    except SSL.WantReadError:
        pass


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sessions(clock: Clock) -> Sessions:
    return Sessions(clock)


def test_a_session_is_resumed_once_and_what_comes_of_it_again(sessions: Sessions) -> None:
    pair = Pair()
    resumed = []
    for _ in range(3):
        shaken, was_resumed = pair.connect(sessions)
        sessions.keep(shaken)
        resumed.append((was_resumed, len(sessions)))

    assert resumed == [(False, 1), (True, 1), (True, 1)]
    assert [pair.connect(sessions)[1] for _ in range(2)] == [True, False]


@pytest.mark.parametrize(
    "other", [("egress", "other.example", 443), ("egress", "good.example", 8443), ("inner", "good.example", 443)]
)
def test_a_session_is_for_one_listener_host_and_port(other: Who, sessions: Sessions) -> None:
    pair = Pair()
    sessions.keep(pair.connect(sessions)[0])

    assert [pair.connect(sessions, who)[1] for who in (other, WHO)] == [False, True]


def test_whoever_was_not_verified_leaves_no_session(sessions: Sessions) -> None:
    pair = Pair(verify=False)
    sessions.keep(pair.connect(sessions)[0])

    assert len(sessions) == 0
    assert not pair.connect(sessions)[1]


def test_a_chain_of_sessions_ends_a_while_after_the_origin_was_verified(sessions: Sessions, clock: Clock) -> None:
    pair = Pair()
    resumed = []
    for moment in (0.0, 500.0, 599.0, 601.0):
        clock.now = moment
        shaken, was_resumed = pair.connect(sessions)
        sessions.keep(shaken)
        resumed.append(was_resumed)

    assert resumed == [False, True, True, False]


def test_sessions_are_bounded_by_kind_and_in_all(clock: Clock) -> None:
    sessions, pair = Sessions(clock, most=2, each=1), Pair()
    for host in ("a", "a", "b", "c", "d"):
        who = ("egress", host, 443)
        shaken, _ = pair.connect(Sessions(clock), who)
        sessions.keep(shaken)
        sessions.keep(shaken)

    assert len(sessions) == 2
    sessions.forget()
    assert len(sessions) == 0
