from __future__ import annotations

import asyncio
import socket
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from addons.caching import refreshing
from gateway.config.settings import CacheSettings
from gateway.policy.model import Mode
from tests.adapters.caching.test_hooks import FRESH, OPEN, Kept
from tests.adapters.scene import Scene, answer_of, judged

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from mitmproxy.http import HTTPFlow

type Sets = Callable[..., Scene]

STALE = FRESH.replace("60", "60, stale-while-revalidate=600") + '\nETag: "a"'
UNCHANGED = b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n'
NEW = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 3\r\n\r\nnew"
PRIVATE = b"HTTP/1.1 200 OK\r\nCache-Control: private\r\nContent-Length: 3\r\n\r\nmy!"
FAILING = b"HTTP/1.1 503 Unavailable\r\nContent-Length: 3\r\n\r\nbad"
CUT = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=60\r\nContent-Length: 9\r\n\r\ncut"


@contextmanager
def origin(answer: bytes) -> Iterator[tuple[int, list[bytes]]]:
    """A server that answers every connection by these bytes; its port, and what it was asked."""
    requests: list[bytes] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def serve() -> None:
            while True:
                try:
                    connection = listening.accept()[0]
                except OSError:
                    return
                with connection:
                    requests.append(connection.recv(65536))
                    connection.sendall(answer)

        thread = threading.Thread(target=serve)
        thread.start()
        yield listening.getsockname()[1], requests
        listening.shutdown(socket.SHUT_RDWR)
    thread.join()


def caching(scene: Sets, port: int) -> Kept:
    cache = CacheSettings(size=100_000, largest=10_000)
    upstreams = (f"http://127.0.0.1:{port}",)
    return Kept(scene(mode=Mode.REVERSE, policy=OPEN, cache=cache, upstreams=upstreams))


def stale(kept: Kept) -> None:
    """Keep an answer, and let it become stale."""
    first = kept.ask()
    kept.answer(first, STALE, b"body")
    judged(first).release()
    kept.now += 90


def asking(kept: Kept, *, ending: bool = False) -> HTTPFlow:
    """A request that is given what is stale, with all that goes on behind it."""

    async def scene() -> HTTPFlow:
        flow = await kept.asks()
        if ending:
            await kept.scene.refreshing.stop()
        await kept.scene.refreshing.settled()
        return flow

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("answer", "records", "after"),
    [
        (UNCHANGED, (304, "refreshed", None), (b"body", "hit")),
        (NEW, (200, "refreshed", None), (b"new", "hit")),
        (PRIVATE, (200, "refresh-dropped", None), (None, "miss")),
        (FAILING, (503, "refresh-failed", None), (b"body", "stale")),
        (CUT, (None, "refresh-failed", "upstream-broken"), (b"body", "stale")),
        (b"", (None, "refresh-failed", "upstream-broken"), (b"body", "stale")),
    ],
    ids=["unchanged", "new", "private", "failing", "cut", "gone"],
)
def test_what_is_stale_is_given_at_once_and_asked_about_with_two_records(
    answer: bytes, records: tuple[object, ...], after: tuple[object, ...], scene: Sets
) -> None:
    with origin(answer) as (port, requests):
        kept = caching(scene, port)
        stale(kept)
        given = asking(kept)
        later = kept.ask()

    assert (answer_of(given).raw_content, judged(given).cache) == (b"body", "stale")
    assert (None if later.response is None else later.response.raw_content, judged(later).cache) == after
    assert len(requests) == 1
    assert b'If-None-Match: "a"' in requests[0]
    found = [each for each in kept.scene.records() if each["id"] not in {judged(given).id, judged(later).id}]
    decision, end = found[-2:]
    assert (decision["event"], decision["decision"]["verdict"]) == ("decision", "allow")
    assert (decision["id"], decision["destination"]["ip"]) == (end["id"], "127.0.0.1")
    assert (end["status"], end["cache"], end["reason"]) == records


def test_one_that_failed_is_not_tried_again_at_once(scene: Sets) -> None:
    with origin(FAILING) as (port, requests):
        kept = caching(scene, port)
        stale(kept)
        for _ in range(5):
            asking(kept)
        before = len(requests)
        kept.now += 60
        asking(kept)

    assert (before, len(requests)) == (1, 2)


def test_what_cannot_be_reached_is_on_record_with_the_reason(scene: Sets) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    kept = caching(scene, port)
    stale(kept)
    given = asking(kept)

    assert answer_of(given).raw_content == b"body"
    assert [each["reason"] for each in kept.scene.records() if each["event"] == "end"][-1] == "upstream-refused"


def test_there_are_few_at_a_time_and_none_when_the_gateway_ends(scene: Sets, monkeypatch: pytest.MonkeyPatch) -> None:
    with origin(UNCHANGED) as (port, requests):
        kept = caching(scene, port)
        stale(kept)
        monkeypatch.setattr(refreshing, "MOST", 0)
        few = asking(kept)
        monkeypatch.undo()
        ended = asking(kept, ending=True)
        after = asking(kept)

    assert [answer_of(each).raw_content for each in (few, ended, after)] == [b"body"] * 3
    assert b"".join(requests) == b""
    assert len(kept.scene.ahead.planner.flights) == 0
    assert [each["reason"] for each in kept.scene.records() if each["event"] == "end"] == [
        None,
        None,
        "upstream-unavailable",
        None,
    ]
