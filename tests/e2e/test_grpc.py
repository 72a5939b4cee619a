"""gRPC through an inspected tunnel and a reverse listener with TLS: every kind of call, with its trailers."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import grpc
import pytest

from addons.connections.bounds import Bounds
from tests.e2e import origin as origins
from tests.e2e.commands import PATIENCE, until
from tests.e2e.gateways import Scenery, serving
from tests.e2e.protected import HOST, protected

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.gateways import Running

pytestmark = pytest.mark.e2e

POLICY = """
rules:
  - {id: no-admin, action: deny, reason: not from here, when: {path: {prefix: [/shop.Admin]}}}
headers:
  - {id: quiet, response: {remove: [X-Inside-*]}}
"""


class _Shop(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpcio comes without types
    """Answers bytes with bytes."""

    def service(self, handler_call_details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        match handler_call_details.method.rpartition("/")[2]:
            case "One":
                return grpc.unary_unary_rpc_method_handler(_one)
            case "Many":
                return grpc.unary_stream_rpc_method_handler(lambda asked, _: iter([asked] * 100))
            case "Sum":
                return grpc.stream_unary_rpc_method_handler(lambda asked, _: b"%d" % sum(map(len, asked)))
            case "Both":
                return grpc.stream_stream_rpc_method_handler(lambda asked, _: (each.upper() for each in asked))
            case "Fail":
                return grpc.unary_unary_rpc_method_handler(_fail)
            case _:
                return None


def _one(asked: bytes, context: Any) -> bytes:
    context.set_trailing_metadata((("x-cost", "3"), ("x-inside-node", "db-7"), ("wicketgate-decision", "forged")))
    return asked[::-1]


def _fail(_asked: bytes, context: Any) -> bytes:
    context.abort(grpc.StatusCode.FAILED_PRECONDITION, "no brass today")
    return b""


@contextmanager
def _server(chain: bytes, key: bytes) -> Iterator[int]:
    server = grpc.server(ThreadPoolExecutor(4), handlers=[_Shop()])
    port = server.add_secure_port("127.0.0.1:0", grpc.ssl_server_credentials([(key, chain)]))
    server.start()
    try:
        yield port
    finally:
        server.stop(0).wait(PATIENCE)


@dataclass(frozen=True)
class Way:
    """A way to the server: the gateway on it, and what a client has to say to go there."""

    gateway: Running
    target: str
    authority: Path
    options: list[tuple[str, Any]]


@pytest.fixture(scope="module", params=["forward", "reverse"])
def way(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Way]:
    folder = tmp_path_factory.mktemp("grpc")
    identity = origins.identity_for(folder, "origin.example")
    pem = (folder / "server.pem").read_bytes()
    key, _, chain = pem.partition(b"-----BEGIN CERTIFICATE-----")
    with _server(b"-----BEGIN CERTIFICATE-----" + chain, key) as port:
        if request.param == "reverse":
            with protected(folder, policy=POLICY, identity=identity, port=port) as here:
                to = f"127.0.0.1:{here.gateway.reverse}"
                yield Way(here.gateway, to, here.ring.folder / "root.pem", [("grpc.ssl_target_name_override", HOST)])
            return
        scenery = Scenery(folder=folder, origin=port, policy=POLICY, trust=identity.authority, bounds=Bounds())
        with serving(scenery) as running:
            options = [("grpc.http_proxy", f"http://127.0.0.1:{running.forward}"), ("grpc.enable_http_proxy", 1)]
            yield Way(running, f"origin.example:{port}", running.folder / "state" / "ca" / "ca.pem", options)
        assert scenery.failures == []


@pytest.fixture(scope="module")
def channel(way: Way) -> Iterator[grpc.Channel]:
    credentials = grpc.ssl_channel_credentials(way.authority.read_bytes())
    with grpc.secure_channel(way.target, credentials, options=way.options) as opened:
        yield opened


def test_one_asked_and_one_answered_with_its_trailers(channel: grpc.Channel) -> None:
    answer, call = channel.unary_unary("/shop.Shop/One").with_call(b"padlock", timeout=PATIENCE)

    assert answer == b"kcoldap"
    assert call.code() is grpc.StatusCode.OK
    said = dict(call.trailing_metadata())
    assert (said.get("x-cost"), said.get("x-inside-node"), said.get("wicketgate-decision")) == ("3", None, None)


def test_one_asked_and_many_answered(channel: grpc.Channel) -> None:
    answers = list(channel.unary_stream("/shop.Shop/Many")(b"x" * 50_000, timeout=PATIENCE))

    assert answers == [b"x" * 50_000] * 100


def test_many_asked_and_one_answered(channel: grpc.Channel) -> None:
    asked = iter([b"x" * 50_000] * 100)

    assert channel.stream_unary("/shop.Shop/Sum")(asked, timeout=PATIENCE) == b"5000000"


def test_many_asked_and_many_answered_in_turns(channel: grpc.Channel) -> None:
    """Each next question is asked only when the last was answered, so that nothing may be held back on the way."""
    said: list[bytes] = []

    def ask() -> Iterator[bytes]:
        for word in (b"brass", b"iron", b"steel"):
            before = len(said)
            yield word
            while len(said) == before:
                pass

    for answer in channel.stream_stream("/shop.Shop/Both")(ask(), timeout=PATIENCE):
        said.append(answer)  # noqa: PERF402 - the next question waits for it

    assert said == [b"BRASS", b"IRON", b"STEEL"]


def test_a_failure_says_why_in_its_trailers(channel: grpc.Channel) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/shop.Shop/Fail")(b"", timeout=PATIENCE)

    call: Any = failed.value
    assert (call.code(), call.details()) == (grpc.StatusCode.FAILED_PRECONDITION, "no brass today")


def test_a_call_that_the_policy_denies_fails_and_the_channel_lives_on(channel: grpc.Channel, way: Way) -> None:
    with pytest.raises(grpc.RpcError) as failed:
        channel.unary_unary("/shop.Admin/Drop")(b"", timeout=PATIENCE)

    call: Any = failed.value
    assert call.code() is grpc.StatusCode.PERMISSION_DENIED
    assert channel.unary_unary("/shop.Shop/One")(b"ab", timeout=PATIENCE) == b"ba"
    until(lambda: ("deny", "rule-deny") in way.gateway.exchanges(), "the record never came")
