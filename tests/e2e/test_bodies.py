"""Bodies at the reverse gateway: refused before they are sent, passed on whole, or cut where they grow too large."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Final

import pytest

from gateway.cli.shipped import shipped_policy
from tests.e2e.gateway import Gateway, gateway
from tests.e2e.origins import BODY, RecordingOrigin
from tests.e2e.wire import Closed, get

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

pytestmark = pytest.mark.e2e

POLICY: Final = shipped_policy("api").read_text("utf-8")
HOST: Final = "shop.example"
UPLOAD: Final = b"x" * 10_000_000


@pytest.fixture(scope="module")
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as server:
        yield server


@pytest.fixture(scope="module")
def guard(tmp_path_factory: pytest.TempPathFactory, origin: RecordingOrigin) -> Iterator[Gateway]:
    upstreams = [f"http://127.0.0.1:{origin.port}"]
    with gateway(tmp_path_factory.mktemp("bodies"), reverse=POLICY, upstreams=upstreams) as running:
        yield running


@pytest.mark.parametrize("expecting", [True, False])
@pytest.mark.parametrize("chunked", [True, False])
def test_a_refused_upload_is_answered_at_once_and_not_a_byte_of_it_arrives(
    chunked: bool,  # noqa: FBT001 - a column of a table
    expecting: bool,  # noqa: FBT001 - a column of a table
    guard: Gateway,
    origin: RecordingOrigin,
) -> None:
    origin.forget()
    framing = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {len(UPLOAD)}"
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (len(UPLOAD), UPLOAD) if chunked else UPLOAD
    head = get("/admin", HOST, framing, *(("Expect: 100-continue",) if expecting else ()), method="PUT")

    before = time.monotonic()
    with guard.front() as wire:
        wire.send(head)
        answer = wire.answer()
        took = time.monotonic() - before
        if not expecting:
            _push(wire.send, body)
        after = wire.rest()

    assert guard.decision(answer)["rule"] == "no-admin"
    assert (answer.status, answer.get("connection"), after) == (403, "close", b"")
    assert took < 2
    assert origin.received == b""


def _push(send: Callable[[bytes], None], body: bytes) -> None:
    """Send on, as clients do that never look; that the other end has gone is no surprise."""
    try:
        send(body)
    except OSError:
        return


def test_an_upload_that_is_sent_before_the_answer_is_read_still_hears_it(
    guard: Gateway, origin: RecordingOrigin
) -> None:
    origin.forget()
    with guard.front() as wire:
        _push(wire.send, get("/admin", HOST, method="PUT", body=UPLOAD))
        answer = wire.answer()

    assert guard.decision(answer)["rule"] == "no-admin"
    assert origin.received == b""


def test_an_admitted_upload_arrives_whole(guard: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    with guard.front() as wire:
        wire.send(get("/items", HOST, "Expect: 100-continue", f"Content-Length: {len(UPLOAD)}", method="PUT"))
        assert wire.interim() == 100
        wire.send(UPLOAD)
        answer = wire.answer()

    assert (answer.status, answer.body) == (200, BODY)
    assert origin.received.endswith(b"\r\n\r\n" + UPLOAD)


def test_a_stated_body_that_is_too_large_is_refused_at_its_head(guard: Gateway, origin: RecordingOrigin) -> None:
    origin.forget()
    refused = guard.refusal(get("/items", HOST, "Content-Length: 10485761", method="PUT"), reverse=True)

    assert refused in {(403, "rule-deny", "body-size"), (413, "body-too-large", None)}
    assert origin.received == b""


def test_a_body_that_grows_too_large_is_cut_and_never_ends_for_the_origin(
    guard: Gateway, origin: RecordingOrigin
) -> None:
    origin.forget()
    with guard.front() as wire:
        wire.send(get("/items", HOST, "Transfer-Encoding: chunked", method="PUT"))
        for _ in range(12):
            _push(wire.send, b"%x\r\n%s\r\n" % (1_000_000, UPLOAD[:1_000_000]))
        _push(wire.send, b"0\r\n\r\n")
        try:
            answered = wire.answer().status
        except Closed:
            answered = None

    assert answered in {None, 403, 413}
    assert origin.requests == []
    cut = guard.wait_for(lambda each: each["event"] == "end" and each["reason"] in {"rule-deny", "body-too-large"})
    assert cut["bytes"]["up"] <= 10_485_760
