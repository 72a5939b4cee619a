"""Servers behind TLS, over HTTP/1.1 and HTTP/2: who cannot prove who it is, or gives up, is left for another."""

from __future__ import annotations

from contextlib import ExitStack
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest
from h2.errors import ErrorCodes

from addons.serving.composition import compose
from gateway.config.endpoints import parse_server
from gateway.config.settings import UpstreamSettings
from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import CheckRules, PoolRules
from tests.e2e.commands import until
from tests.e2e.gateways import Scenery, served
from tests.e2e.h2wire import H2Origin, Talk, asking
from tests.e2e.origin import identity_for, origin
from tests.e2e.pooled import HOST, Pooled, answering, pooled
from tests.e2e.wire import connect, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.h2wire import Message

pytestmark = pytest.mark.e2e

RULES: Final = PoolRules(outliers=OutlierRules(failures=1000), retries=RetryRules(most=2, budget=1.0))
OFTEN: Final = CheckRules(path="/up", interval=0.05, timeout=2.0)


def _context(folder: Path, name: str, *, h2: bool = False) -> tuple[ssl.SSLContext, Path]:
    """What a server needs to be `name`, and whom to trust for that."""
    folder.mkdir()
    identity = identity_for(folder, name)
    if h2:
        identity.context.set_alpn_protocols(["h2"])
    return identity.context, identity.authority


def _serving(stack: ExitStack, folder: Path, urls: list[str], trust: Path, rules: PoolRules) -> Pooled:
    settings = UpstreamSettings(name="app", servers=tuple(map(parse_server, urls)), rules=rules)
    scenery = Scenery(folder=folder, origin=1, trust=trust)
    return Pooled(
        stack.enter_context(served(scenery, compose(replace(scenery.settings(), upstreams={"app": settings})))), ()
    )


@pytest.fixture
def stack() -> Iterator[ExitStack]:
    with ExitStack() as closing:
        yield closing


def test_who_cannot_prove_who_it_is_gets_nothing_and_another_is_asked(tmp_path: Path, stack: ExitStack) -> None:
    (good, trust), (bad, _) = _context(tmp_path / "a", "origin.example"), _context(tmp_path / "b", "origin.example")
    impostor, honest = (stack.enter_context(origin(tls=context)) for context in (bad, good))
    urls = [f"https://origin.example:{each.port}" for each in (impostor, honest)]
    here = _serving(stack, tmp_path, urls, trust, RULES)

    assert [here.ask(method=method).status for method in ("GET", "POST", "GET")] == [200] * 3
    assert impostor.received == b""
    until(lambda: len(here.ends()) == 3, "an exchange never ended")
    reasons = {each["reason"] for end in here.ends() for each in end["upstream"]["attempts"]}
    assert reasons == {"upstream-bad-certificate"}


def test_a_health_check_wants_the_same_proof(tmp_path: Path, stack: ExitStack) -> None:
    (good, trust), (bad, _) = _context(tmp_path / "a", "origin.example"), _context(tmp_path / "b", "origin.example")
    impostor, honest = (stack.enter_context(origin(tls=context)) for context in (bad, good))
    urls = [f"https://origin.example:{each.port}" for each in (impostor, honest)]
    here = _serving(stack, tmp_path, urls, trust, replace(RULES, check=OFTEN, health=HealthRules(1, 1)))

    here.until_they_stand("down", "up")
    assert impostor.received == b""
    until(lambda: any(each["event"] == "server" for each in here.gateway.records()), "it was never recorded")
    (down,) = [each for each in here.gateway.records() if each["event"] == "server"]
    assert down["detail"] == "its health check failed: the TLS handshake failed: bad-certificate"


@pytest.mark.parametrize("code", [ErrorCodes.REFUSED_STREAM, ErrorCodes.INTERNAL_ERROR])
def test_a_stream_that_an_origin_resets_without_an_answer_goes_elsewhere(
    code: ErrorCodes, tmp_path: Path, stack: ExitStack
) -> None:
    def give_up(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.reset_stream(number, code)

    context, trust = _context(tmp_path / "a", "origin.example", h2=True)
    rude, kind = H2Origin(reply=give_up), H2Origin()
    origins = [stack.enter_context(origin(serve=each.serve, tls=context)) for each in (rude, kind)]
    here = _serving(stack, tmp_path, [f"https://origin.example:{each.port}" for each in origins], trust, RULES)

    with connect(here.gateway.reverse) as wire:
        answers = [wire.ask(get("/", HOST)) for _ in range(4)]

    assert [(each.status, each.body) for each in answers] == [(200, b"hello")] * 4
    assert len(kind.messages) == 4
    assert here.ask(method="POST", body=b"x").verdict[:2] == (502, "upstream-broken")


def test_an_overloaded_origin_is_left_and_its_connection_goes_on(tmp_path: Path, stack: ExitStack) -> None:
    def be_overloaded(talk: Talk, number: int, _message: Message) -> None:
        talk.h2.send_headers(number, [(":status", "503"), ("content-length", "4")])
        talk.data(number, b"busy", end=True)

    context, trust = _context(tmp_path / "a", "origin.example", h2=True)
    busy, idle = H2Origin(reply=be_overloaded), H2Origin()
    origins = [stack.enter_context(origin(serve=each.serve, tls=context)) for each in (busy, idle)]
    here = _serving(stack, tmp_path, [f"https://origin.example:{each.port}" for each in origins], trust, RULES)

    with connect(here.gateway.reverse) as wire:
        answers = [wire.ask(get("/", HOST)) for _ in range(4)]

    assert [(each.status, each.body) for each in answers] == [(200, b"hello")] * 4
    assert len(busy.messages) == 2
    assert len(origins[0].visits) == 1


def test_streams_that_share_a_connection_are_tried_again_each_by_itself(tmp_path: Path, stack: ExitStack) -> None:
    (tmp_path / "keys").mkdir()
    ring = Keyring.in_folder(tmp_path / "keys")
    shown = ring.shows(ring.issue("shop", HOST))
    rules = replace(RULES, balance="random_two", retries=RetryRules(most=2, budget=5.0))
    here = stack.enter_context(pooled(tmp_path, rules, origins=2, dead=1, tls=shown))
    here.origins[0].answer = answering(0, "503 No")
    context = ring.client()
    context.set_alpn_protocols(["h2"])
    plain = stack.enter_context(connect(here.gateway.reverse)).socket
    talk = Talk(stack.enter_context(context.wrap_socket(plain, server_hostname=HOST))).start()
    numbers = [talk.head(asking(HOST, f"/{number}")) for number in range(20)]
    answers = [talk.whole(number) for number in numbers]

    assert [(each.status, bytes(each.body)) for each in answers] == [(200, b"hello")] * 20
    assert here.gateway.call(lambda: len(here.gateway.engine.connections)) == 1
