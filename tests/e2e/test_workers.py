"""Several workers on one port: who gets what, what is lost when one dies, and what is written down of it."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import threading
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING, Self

import pytest

from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.e2e.commands import COMMAND, PATIENCE, accepts, until
from tests.e2e.gateway import gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.staffed import HOST, NEW, OLD, ask, ask_anew, both, open_files, runs, staffed, workers
from tests.e2e.wire import Closed, connect, get
from tests.keyrings import Keyring

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.e2e.gateway import Gateway

pytestmark = pytest.mark.e2e


@pytest.fixture
def origin() -> Iterator[RecordingOrigin]:
    with RecordingOrigin() as served:
        yield served


def test_connections_are_spread_and_the_gateway_is_told_of_once(tmp_path: Path, origin: RecordingOrigin) -> None:
    with staffed(tmp_path, origin) as started, ExitStack() as opened:
        before = {number: open_files(process) for number, process in both(started).items()}
        wires = [opened.enter_context(connect(started.reverse)) for _ in range(60)]

        def gained() -> list[int]:
            return [open_files(process) - before[number] for number, process in workers(started).items()]

        until(lambda: sum(gained()) >= 60, "not every connection was accepted")
        assert min(gained()) > 10
        assert {ask(wire) for wire in wires} == {200}

    events = [each["event"] for each in started.records()]
    assert (events.count("start"), events.count("stop"), events.count("policy")) == (1, 1, 1)
    [start] = [each for each in started.records() if each["event"] == "start"]
    assert start["workers"] == 2


class Load:
    """Clients that ask all the time, each request on a connection of its own, until told to stop."""

    def __init__(self, started: Gateway, path: str = "/") -> None:
        self.statuses: list[int] = []
        self.lost = 0
        self._over = threading.Event()
        self._threads = [threading.Thread(target=self._ask, args=(started, path)) for _ in range(4)]

    def _ask(self, started: Gateway, path: str) -> None:
        while not self._over.is_set():
            try:
                self.statuses.append(ask_anew(started, path))
            except (Closed, OSError):
                self.lost += 1

    def __enter__(self) -> Self:
        for each in self._threads:
            each.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for each in self._threads:
            each.join(PATIENCE)

    def goes_on(self, answers: int = 20) -> None:
        """Wait for so many more answers."""
        wanted = len(self.statuses) + answers
        until(lambda: len(self.statuses) >= wanted, "nothing was answered any more")


def test_a_worker_that_is_killed_under_load_loses_its_own_connections_alone(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with staffed(tmp_path, origin, whole=False) as started, ExitStack() as opened:
        first = both(started)
        kept = [opened.enter_context(connect(started.reverse)) for _ in range(40)]
        assert {ask(wire) for wire in kept} == {200}
        with Load(started) as load:
            load.goes_on()
            os.kill(first[2], signal.SIGKILL)
            load.goes_on()
            until(lambda: 2 in workers(started) and workers(started)[2] != first[2], "nobody took the place")
            load.goes_on()
        still = [wire for wire in kept if _lives(wire.socket)]
        assert {ask(wire) for wire in still} == {200}
        assert 5 < len(still) < 35
        assert both(started)[1] == first[1]

    assert set(load.statuses) == {200}
    assert load.lost <= 4  # what each client had on its way
    told = [
        (each["worker"], each["outcome"], each["detail"]) for each in started.records() if each["event"] == "worker"
    ]
    assert told == [(2, "died", "killed by SIGKILL"), (2, "started", None)]
    assert any("worker 2 died (killed by SIGKILL), its connections are lost" in line for line in started.process.err)


def _lives(wire: socket.socket) -> bool:
    """Whether the other end has not closed."""
    wire.settimeout(0.0)
    try:
        return wire.recv(1, socket.MSG_PEEK) != b""
    except BlockingIOError:
        return True
    except ConnectionError:
        return False
    finally:
        wire.settimeout(PATIENCE)


def test_a_reload_under_load_reaches_every_worker_and_is_written_down_once(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with staffed(tmp_path, origin) as started, Load(started, "/shut") as load:
        load.goes_on()
        (tmp_path / "reverse.yaml").write_text(NEW, encoding="utf-8")
        started.process.tell(signal.SIGHUP)
        until(lambda: load.statuses[-40:].count(403) == 40, "the new policy never held everywhere")
        load.goes_on(60)
        assert set(load.statuses[-60:]) == {403}
        assert {ask_anew(started, "/closed") for _ in range(20)} == {200}

    assert load.lost == 0
    loaded = [each["policy"]["name"] for each in started.records() if each["event"] == "policy"]
    assert loaded == ["old", "new"]
    assert sum(each["event"] == "configuration" for each in started.records()) == 1
    assert sum("the policy was read again" in line for line in started.process.err) == 1


def test_a_bad_policy_is_refused_by_all_and_said_once(tmp_path: Path, origin: RecordingOrigin) -> None:
    with staffed(tmp_path, origin) as started:
        (tmp_path / "reverse.yaml").write_text(NEW.replace("allow", "alow"), encoding="utf-8")
        started.process.tell(signal.SIGHUP)
        refused = started.wait_for(lambda each: each["event"] == "policy" and each["outcome"] == "refused")
        assert refused["policy"]["name"] == "old"
        assert {ask_anew(started, "/closed") for _ in range(20)} == {403}
        os.kill(both(started)[2], signal.SIGKILL)
        started.process.wait_for("worker 2 is at work again", started.process.err)
        both(started)
        assert {ask_anew(started, "/closed") for _ in range(20)} == {403}

    assert sum("the new policy is refused" in line for line in started.process.err) == 1


def test_who_takes_a_place_goes_by_what_is_in_force_until_all_read_what_has_changed(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    with staffed(tmp_path, origin, whole=False) as started:
        until((started.state / "last-good" / "current").exists, "nothing was ever kept")
        (tmp_path / "reverse.yaml").write_text(NEW, encoding="utf-8")
        os.kill(both(started)[1], signal.SIGKILL)
        started.process.wait_for("worker 1 is at work again", started.process.err)
        assert {ask_anew(started, "/closed") for _ in range(30)} == {403}
        assert ordered(started.state, Order("reload"))["kept"] == 0
        assert {ask_anew(started, "/closed") for _ in range(30)} == {200}
        assert {ask_anew(started, "/shut") for _ in range(30)} == {403}

    assert [each["policy"]["name"] for each in started.records() if each["event"] == "policy"] == ["old", "new"]


def test_told_to_end_all_let_their_exchanges_end(tmp_path: Path) -> None:
    hold = threading.Event()

    def answering(_head: bytes) -> tuple[bytes, bool]:
        assert hold.wait(PATIENCE)
        return b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", True

    with RecordingOrigin(answering=answering) as origin, staffed(tmp_path, origin) as started, ExitStack() as opened:
        wires = [opened.enter_context(connect(started.reverse)) for _ in range(12)]
        for wire in wires:
            wire.send(get("/", HOST))
        until(lambda: len(origin.requests) == 12, "not every request came")
        started.process.tell(signal.SIGTERM)
        until(lambda: not accepts(started.reverse), "the port was never free")
        hold.set()
        assert [wire.answer().status for wire in wires] == [200] * 12
        assert started.process.process.wait(PATIENCE) == 0


def test_told_twice_it_ends_at_once_and_leaves_nobody_behind(tmp_path: Path) -> None:
    hold = threading.Event()
    with (
        RecordingOrigin(answering=lambda _: (b"", hold.wait(PATIENCE))) as origin,
        staffed(tmp_path, origin, whole=False, code=130) as started,
        connect(started.reverse) as wire,
    ):
        processes = both(started).values()
        wire.send(get("/", HOST))
        until(lambda: len(origin.requests) == 1, "the request never came")
        started.process.tell(signal.SIGINT)
        until(lambda: not accepts(started.reverse), "the port was never free")
        started.process.tell(signal.SIGINT)
        started.process.process.wait(PATIENCE)
        assert not any(map(runs, processes))
        hold.set()


def test_without_the_supervisor_nobody_serves(tmp_path: Path, origin: RecordingOrigin) -> None:
    with staffed(tmp_path, origin, whole=False, code=-signal.SIGKILL) as started, connect(started.reverse) as wire:
        processes = both(started).values()
        assert ask(wire) == 200
        started.process.tell(signal.SIGKILL)
        until(lambda: not any(map(runs, processes)), "a worker serves on")
        assert wire.ended
        until(lambda: not accepts(started.reverse), "somebody accepts connections still")

    with staffed(tmp_path, origin, whole=False) as again:
        assert ask_anew(again) == 200
    assert again.records()[-1]["event"] == "stop"


def _without_trust(folder: Path, started: Gateway) -> None:
    """Nothing is left that a worker could start with."""
    kept = started.state / "last-good" / "current"
    until(kept.exists, "nothing was ever kept")
    (folder / "root.pem").unlink()
    kept.unlink()


def test_a_worker_that_cannot_be_replaced_is_missed_until_it_can_and_the_others_serve_on(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    Keyring.in_folder(tmp_path)
    roots = tmp_path / "root.pem"
    trusted = roots.read_bytes()
    with staffed(tmp_path, origin, settings={"upstream_tls": {"trust": [str(roots)]}}) as started:
        first = both(started)
        _without_trust(tmp_path, started)
        os.kill(first[1], signal.SIGKILL)
        until(lambda: _tries(started) > 5, "it was not tried often enough")
        assert workers(started) == {2: first[2]}
        assert {ask_anew(started) for _ in range(8)} == {200}
        roots.write_bytes(trusted)
        assert both(started)[1] != first[1]
        assert {ask_anew(started) for _ in range(8)} == {200}

    said = "".join(started.process.err)
    assert "worker 1 cannot be started again, 1 serve, the next try is in 0.4 s: " in said
    assert "worker 1 is at work again" in said
    told = [(each["outcome"], each["worker"]) for each in started.records() if each["event"] == "worker"]
    assert (told[-1], set(told[:-1])) == (("started", 1), {("died", 1)})


def _tries(started: Gateway) -> int:
    return sum("worker 1 cannot be started again" in line for line in started.process.err)


def test_a_worker_that_takes_a_place_after_a_refused_reload_serves_by_what_is_in_force(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    Keyring.in_folder(tmp_path)
    roots, policy, file = tmp_path / "root.pem", tmp_path / "reverse.yaml", tmp_path / "wicketgate.yaml"
    good = file, roots, policy
    settings = {"upstream_tls": {"trust": [str(roots)]}}
    with staffed(tmp_path, origin, settings=settings) as started:
        first = both(started)
        until((started.state / "last-good" / "current").exists, "nothing was ever kept")
        for each in good:
            each.write_text("broken", encoding="utf-8")
        assert ordered(started.state, Order("reload"))["kept"] == 3
        for process in first.values():
            os.kill(process, signal.SIGKILL)
            until(lambda gone=process: gone not in workers(started).values(), "it is there still")  # type: ignore[misc]  # of a loop
            second = both(started)
        assert set(second.values()).isdisjoint(first.values())
        assert {ask_anew(started) for _ in range(8)} == {200}
        assert {ask_anew(started, "/closed") for _ in range(8)} == {403}

    assert not any("cannot be started again" in line for line in started.process.err)


def test_with_no_worker_left_and_none_that_can_start_the_gateway_ends(tmp_path: Path, origin: RecordingOrigin) -> None:
    Keyring.in_folder(tmp_path)
    settings = {"upstream_tls": {"trust": [str(tmp_path / "root.pem")]}}
    with staffed(tmp_path, origin, whole=False, code=2, settings=settings) as started:
        assert ask_anew(started) == 200
        processes = both(started).values()
        _without_trust(tmp_path, started)
        for process in processes:
            os.kill(process, signal.SIGKILL)
        started.process.process.wait(2 * PATIENCE)

    said = "".join(started.process.err)
    assert re.search("worker [12] died 5 times in a row, at last: .*root.pem", said) is not None
    stop = started.records()[-1]
    assert (stop["event"], " died 5 times in a row" in stop["cause"]) == ("stop", True)


def test_a_client_gets_no_more_connections_from_two_workers_than_from_one(
    tmp_path: Path, origin: RecordingOrigin
) -> None:
    settings = {"limits": {"connections_per_client": 6}}
    with staffed(tmp_path, origin, settings=settings) as started, ExitStack() as opened:
        both(started)
        wires = [opened.enter_context(connect(started.reverse)) for _ in range(30)]
        statuses = [_status(wire.socket) for wire in wires]
        assert (statuses.count(200), statuses.count(503)) == (6, 24)
        for wire in wires:
            wire.socket.close()
        until(lambda: ask_anew(started) == 200, "the room of those who left was never free")


def _status(wire: socket.socket) -> int:
    with suppress(ConnectionError):
        wire.sendall(get("/", HOST))
    return int(wire.recv(65536).split()[1])


def test_an_order_reaches_every_worker_and_is_written_down_once(tmp_path: Path) -> None:
    answer = b"HTTP/1.1 200 OK\r\nCache-Control: max-age=600\r\nContent-Length: 2\r\n\r\nok"
    routes = [{"upstream": "app", "cache": {"enabled": True, "size": "8MiB", "disk": {"size": "64MiB"}}}]
    with (
        RecordingOrigin(answering=lambda _: (answer, False)) as origin,
        gateway(
            tmp_path,
            reverse=OLD,
            upstreams=[f"http://127.0.0.1:{origin.port}"],
            routes=routes,
            settings={"workers": 2},
        ) as started,
    ):
        both(started)
        until(lambda: ask_anew(started) == 200 and len(origin.requests) == 2, "one worker got every connection")
        stock = ordered(started.state, Order("cache.stats"))["caches"]
        assert [each["listener"] for each in stock] == ["shop"]
        assert ordered(started.state, Order("cache.purge", {"all": "all"})) == {"answers": 2}
        refused = subprocess.run(
            [COMMAND, "cache", "purge", "--state", str(started.state), "nonsense"], capture_output=True, check=False
        )
        assert refused.returncode != 0

    folders = {each.name for each in (started.state / "cache").iterdir()}
    assert folders == {"worker-1", "worker-2"}
    [admin] = [each for each in started.records() if each["event"] == "admin"]
    assert (admin["order"], admin["count"], admin["user"]) == ("cache.purge", 2, os.getuid())


def test_a_limit_holds_for_all_workers_together(tmp_path: Path, origin: RecordingOrigin) -> None:
    with staffed(tmp_path, origin, whole=False) as started:
        first = both(started)
        counting = OLD + "limits: [{id: each, key: [client.ip], rate: 10/d, burst: 10}]\n"
        (tmp_path / "reverse.yaml").write_text(counting, encoding="utf-8")
        started.process.tell(signal.SIGHUP)
        started.process.wait_for("the policy was read again", started.process.err)
        until(lambda: [ask_anew(started) for _ in range(10)] == [429] * 10, "the limit was never reached")
        os.kill(first[2], signal.SIGKILL)
        started.process.wait_for("worker 2 is at work again", started.process.err)
        assert {ask_anew(started) for _ in range(20)} == {429}

    allowed = [
        each
        for each in started.records()
        if each["event"] == "decision" and each["limits"] and each["decision"]["verdict"] == "allow"
    ]
    assert len(allowed) == 10
