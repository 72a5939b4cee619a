"""What several workers have to agree about: limits that gateways count in a store, and the policy after a reload."""

from __future__ import annotations

import os
import signal
import threading
from typing import TYPE_CHECKING

import pytest

from tests.e2e.commands import until
from tests.e2e.origins import RecordingOrigin
from tests.e2e.staffed import NEW, OLD, ask_anew, both, staffed
from tests.stores import store_server

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

COUNTING = OLD + "limits: [{id: together, key: [client.ip], rate: 10/d, burst: 10, scope: cluster}]\n"
OTHER = NEW.replace("/shut", "/other")


@pytest.fixture
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as served:
        yield served


def test_workers_and_a_store_never_let_more_through_and_its_absence_is_told_once(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with store_server(tmp_path) as server:
        settings = {"limits_store": {"url": server.url, "timeout": "2s"}}
        with staffed(tmp_path, origin, settings=settings) as started:
            both(started)
            (tmp_path / "reverse.yaml").write_text(COUNTING, encoding="utf-8")
            started.process.tell(signal.SIGHUP)
            until(lambda: [ask_anew(started) for _ in range(10)] == [429] * 10, "the limit was never reached")
            server.kill()
            assert {ask_anew(started) for _ in range(20)} == {503}
            server.start()
            until(lambda: any("is back" in line for line in started.process.err), "it never came back")

    decisions = [each for each in started.records() if each["event"] == "decision" and each["limits"]]
    allowed = [each for each in decisions if each["decision"]["verdict"] == "allow"]
    assert len(allowed) == 10
    assert {(limit["id"], limit["store"]) for each in allowed for limit in each["limits"]} == {("together", "cluster")}
    assert [each["standing"] for each in started.records() if each["event"] == "store"].count("away") == 1
    assert sum("is away" in line for line in started.process.err) == 1


def test_workers_that_read_a_policy_otherwise_than_the_first_read_it_again(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    policy, told = tmp_path / "reverse.yaml", threading.Event()
    given: list[str] = []

    def pipe() -> None:
        """Put an empty pipe in the place of what is there, at once."""
        os.mkfifo(tmp_path / "next")
        (tmp_path / "next").replace(policy)

    def give() -> None:
        """Every reader gets a text of his own, the second one another than all others."""
        while not told.is_set():
            with policy.open("w", encoding="utf-8") as reader:  # waits until somebody reads
                pipe()
                given.append(OTHER if len(given) == 1 else NEW)
                reader.write(given[-1])

    with staffed(tmp_path, origin) as started:
        before = both(started)
        pipe()
        giving = threading.Thread(target=give)
        giving.start()
        started.process.tell(signal.SIGHUP)
        until(lambda: len(given) >= 4, f"nobody read it again: {given} {started.process.err}")
        until(lambda: {ask_anew(started, "/shut") for _ in range(20)} == {403}, "the new policy never held everywhere")
        assert {ask_anew(started, "/other") for _ in range(20)} == {200}
        assert both(started) == before, "nobody was replaced"
        told.set()
        with policy.open(encoding="utf-8") as last:
            last.read()
        giving.join()

    assert given[:4] == [NEW, OTHER, NEW, NEW]
    assert {each["policy"]["name"] for each in started.records() if each["event"] == "policy"} == {"old", "new"}
