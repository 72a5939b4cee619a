"""Requests are shared out among servers, wait for their turn when all are busy, and survive the end of one of them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from collections import Counter
from contextlib import ExitStack, contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from addons.serving.composition import compose
from gateway.upstreams.pools.keys import HashBy
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import PoolRules, QueueRules
from tests.e2e.commands import PATIENCE, accepts, free_port, until
from tests.e2e.gateways import Scenery, served
from tests.e2e.origin import origin, read_request
from tests.e2e.pooled import HOST, Pooled, answering, pooled, upstream
from tests.e2e.wire import connect, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.upstreams.pools.balancing import Balance
    from tests.e2e.origin import Visit
    from tests.e2e.wire import Answer, Wire

pytestmark = pytest.mark.e2e

SERVER: Final = """
import http.server, sys
class Page(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    wbufsize = 65536  # head and body leave at once: killed in between, half an answer would be nobody's fault
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "5")
        self.end_headers()
        self.wfile.write(b"hello")
    def log_message(self, *said):
        pass
http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), Page).serve_forever()
"""


def test_turns_are_taken_by_weight(tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(), weights=(3, 1)) as here:
        assert Counter(here.asked(40)) == {"0": 30, "1": 10}


def test_the_same_client_meets_the_same_server(tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(balance="hash"), origins=4) as here:
        assert len(set(here.asked(10))) == 1


@pytest.mark.parametrize(
    ("by", "field"), [(HashBy("cookie", "session"), "Cookie: session="), (HashBy("header", "x-user"), "X-User: ")]
)
def test_the_same_cookie_or_field_meets_the_same_server(by: HashBy, field: str, tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(balance="hash", hash_by=by), origins=4) as here:
        met = [set(here.asked(3, f"{field}{number}")) for number in range(40)]

    assert {len(servers) for servers in met} == {1}
    assert set().union(*met) == {"0", "1", "2", "3"}


@contextmanager
def held(here: Pooled, number: int) -> Iterator[threading.Event]:
    """The origin of this number keeps its requests until the event is set."""
    release = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        while read_request(connection, visit):
            release.wait(PATIENCE)
            connection.sendall(answering(number))

    here.origins[number].serve = serve
    try:
        yield release
    finally:
        release.set()
        here.origins[number].serve = None


@pytest.mark.parametrize("balance", ["least_connections", "random_two"])
def test_who_is_busy_is_asked_less(balance: Balance, tmp_path: Path) -> None:
    rules = PoolRules(balance=balance)
    with pooled(tmp_path, rules) as here, held(here, 0), connect(here.gateway.reverse) as waiting:
        _occupy(here, waiting, 0)

        assert set(here.asked(10)) == {"1"}


def _occupy(here: Pooled, wire: Wire, number: int) -> None:
    """Ask on the connection until the origin of this number has the request, and does not answer it."""
    while not here.in_flight()[number]:
        before = sum(len(each.received) for each in here.origins)
        wire.send(get("/", HOST))
        until(lambda: sum(len(each.received) for each in here.origins) > before, "nobody got it")  # noqa: B023 - it is called at once
        if not here.in_flight()[number]:
            wire.answer()


def test_who_comes_when_all_are_busy_waits_for_his_turn(tmp_path: Path) -> None:
    rules = PoolRules(connections=1, queue=QueueRules(size=1, timeout=20.0))
    with pooled(tmp_path, rules, origins=1) as here, held(here, 0) as release, ExitStack() as stack:
        first, second = (stack.enter_context(connect(here.gateway.reverse)) for _ in range(2))
        _occupy(here, first, 0)
        second.send(get("/", HOST))
        until(lambda: _in_line(here) == 1, "nobody stood in line")
        third = here.ask()
        release.set()
        answers = [first.answer().status, second.answer().status]

    assert third.verdict[:2] == (503, "upstream-busy")
    assert answers == [200, 200]
    assert len(here.origins[0].visits) == 2


def test_nobody_waits_for_ever_and_who_leaves_is_not_waited_for(tmp_path: Path) -> None:
    rules = PoolRules(connections=1, queue=QueueRules(size=5, timeout=0.2))
    with pooled(tmp_path, rules, origins=1) as here, held(here, 0) as release, ExitStack() as stack:
        first, leaving = (stack.enter_context(connect(here.gateway.reverse)) for _ in range(2))
        _occupy(here, first, 0)
        leaving.send(get("/", HOST))
        leaving.socket.close()
        late = here.ask()
        release.set()
        answered = first.answer().status
        until(lambda: _in_line(here) == 0 and here.in_flight() == [0], "a place was lost")
        again = here.ask().status

    assert late.verdict[:2] == (503, "upstream-busy")
    assert (answered, again) == (200, 200)


def _in_line(here: Pooled) -> int:
    def look() -> int:
        (fleet,) = here.gateway.engine.pools
        return len(fleet.line)

    return here.gateway.call(look)


def test_who_joins_gets_its_share_slowly(tmp_path: Path) -> None:
    rules = PoolRules(slow_start=3600.0)
    with pooled(tmp_path, rules, origins=1) as here, origin(answering(7)) as new:
        here.renew(*here.origins, new, rules=rules)
        asked = Counter(here.asked(44))

    assert asked == {"0": 40, "7": 4}


def test_servers_join_and_leave_under_load_and_nobody_notices(tmp_path: Path) -> None:
    statuses: list[int] = []
    over = threading.Event()

    def ask_on(port: int) -> None:
        with connect(port) as wire:
            while not over.is_set():
                statuses.append(wire.ask(get("/", HOST)).status)

    with pooled(tmp_path, PoolRules(), origins=3) as here:
        threads = [threading.Thread(target=ask_on, args=(here.gateway.reverse,)) for _ in range(4)]
        for each in threads:
            each.start()
        first, second, third = here.origins
        for servers in ((second, third), (third,), (first, third), (first, second), (first, second, third)):
            asked = len(statuses)
            here.renew(*servers)
            until(lambda: len(statuses) > asked + 40, "nobody asks any more")  # noqa: B023 - it is called at once
        over.set()
        for each in threads:
            each.join(PATIENCE)
        until(lambda: sum(here.in_flight()) == 0, "a place was lost")

    assert set(statuses) == {200}


def test_who_leaves_finishes_what_it_has(tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(), origins=2) as here, held(here, 0) as release:
        with connect(here.gateway.reverse) as waiting:
            _occupy(here, waiting, 0)
            here.renew(here.origins[1])
            during = here.standings(), set(here.asked(4))
            release.set()
            answer = waiting.answer()
        until(lambda: here.standings() == ["up"], "it never left")

    assert during == (["draining", "up"], {"1"})
    assert (answer.status, answer.get("x-origin")) == (200, "0")


def test_a_server_that_is_killed_under_load_fails_no_request(tmp_path: Path) -> None:
    ports = [free_port(), free_port()]
    rules = PoolRules(outliers=OutlierRules(failures=3), retries=RetryRules(most=2, budget=0.2))
    scenery = Scenery(folder=tmp_path, origin=ports[0])
    engine = compose(replace(scenery.settings(), upstreams={"app": upstream(ports, rules)}))
    answers: list[Answer] = []

    def ask_on(port: int, times: int) -> None:
        with connect(port) as wire:
            answers.extend(wire.ask(get("/", HOST)) for _ in range(times))

    with _processes(ports) as processes, served(scenery, engine) as gateway:
        threads = [threading.Thread(target=ask_on, args=(gateway.reverse, 150)) for _ in range(4)]
        for each in threads:
            each.start()
        until(lambda: len(answers) > 150, "nobody asks")
        os.kill(processes[0].pid, signal.SIGKILL)
        for each in threads:
            each.join(PATIENCE)
        (fleet,) = engine.pools
        standings = gateway.call(lambda: list(fleet.pool.standings().values()))

    assert Counter(each.status for each in answers) == {200: 600}
    assert standings == ["ejected", "up"]
    tried_again = [end for end in gateway.records() if end["event"] == "end" and end["upstream"]["attempts"]]
    assert tried_again


@contextmanager
def _processes(ports: list[int]) -> Iterator[list[subprocess.Popen[bytes]]]:
    with ExitStack() as stack:
        processes = []
        for port in ports:
            process = subprocess.Popen([sys.executable, "-c", SERVER, str(port)])
            stack.callback(process.wait, PATIENCE)
            stack.callback(process.kill)
            processes.append(process)
        for port in ports:
            until(lambda: accepts(port), "a server never listened")  # noqa: B023 - it is called at once
        yield processes
