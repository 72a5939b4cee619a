"""The admin side of a running gateway: what it tells, what it does, and what it writes down of that."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from tests.e2e.commands import COMMAND, PATIENCE, free_port, until
from tests.e2e.looked_after import LookedAfter, answers, looked_after
from tests.e2e.origin import HELLO, Visit, origin, read_request
from tests.e2e.wire import Wire, get

if TYPE_CHECKING:
    import socket
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("admin")) as found:
        yield found


def records_of(side: LookedAfter, order: str) -> list[dict[str, Any]]:
    return [each for each in side.gateway.records() if each["event"] == "admin" and each["order"] == order]


def verb(side: LookedAfter, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [COMMAND, *arguments, "--state", str(side.gateway.state)]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


def test_the_ready_line_names_it(side: LookedAfter) -> None:
    line = side.gateway.process.wait_for("ready: ", side.gateway.process.err)

    assert line.rstrip().endswith(f", admin 127.0.0.1:{side.admin}")


def test_balancers_learn_without_a_token_that_it_lives_and_is_ready_and_no_more(side: LookedAfter) -> None:
    with side.client(token="") as client:
        found = {path: client.get(path) for path in ("/healthz", "/readyz")}

    assert {path: (each.status_code, each.json()) for path, each in found.items()} == {
        "/healthz": (200, {"status": "ok"}),
        "/readyz": (200, {"status": "ready"}),
    }
    assert not any("server" in each.headers for each in found.values())


def test_the_status_is_the_same_over_the_api_and_the_command_line(side: LookedAfter) -> None:
    told, page = side.get("status"), verb(side, "status")

    assert told["ready"] is True
    assert told["pid"] == side.gateway.process.process.pid
    assert [(each["name"], each["policy"]["name"]) for each in told["listeners"]] == [
        ("egress", "office"),
        ("shop", "front"),
    ]
    assert told["audit"]["healthy"] is True
    assert page.returncode == 0
    assert told["listeners"][0]["policy"]["digest"][:19] in page.stdout
    assert json.loads(verb(side, "status", "--format", "json").stdout)["pid"] == told["pid"]


def test_rules_tell_how_often_they_had_a_say_and_which_never_had(side: LookedAfter) -> None:
    before = _rules(side)["no-office"]["decided"]
    assert side.visit("/office/key") == 403

    after = _rules(side)

    assert after["no-office"]["decided"] == before + 1
    assert after["no-office"]["place"].endswith("reverse.yaml:6")
    (office,) = (each for each in side.get("policies")["policies"] if each["name"] == "office")
    assert "never-met" in office["never_fired"]


def _rules(side: LookedAfter) -> dict[str, Any]:
    return {rule["id"]: rule for each in side.get("policies")["policies"] for rule in each["rules"]}


def test_a_question_is_answered_by_what_is_in_force_and_counts_nothing(side: LookedAfter) -> None:
    before = _rules(side)["no-ads"]["fired"]
    body = {"url": "https://x.ads.example/", "listener": "egress", "client": "192.0.2.7"}
    with side.client() as client:
        told = client.post("/api/v1/explain", json=body).json()

    assert (told["decision"]["verdict"], told["decision"]["rule"]) == ("deny", "no-ads")
    assert _rules(side)["no-ads"]["fired"] == before


def test_limits_name_who_is_nearest_to_being_refused(side: LookedAfter) -> None:
    side.visit("/items/1")

    (limit,) = side.get("limits")["limits"]

    assert (limit["id"], limit["keys"]) == ("per-client", 1)
    assert limit["fullest"][0]["key"] == {"client.ip": "127.0.0.1"}


def test_decisions_are_found_by_filters_and_page_by_page(side: LookedAfter) -> None:
    for number in range(3):
        assert side.visit(f"/office/{number}") == 403
    until(lambda: len(_denied(side)) >= 3, "the decisions never came")
    first = side.get("decisions?verdict=deny&rule=no-office&limit=2")
    second = side.get(f"decisions?verdict=deny&rule=no-office&limit=2&before={first['next']}")

    numbers = [each["seq"] for each in (*first["decisions"], *second["decisions"])]
    assert numbers == sorted(set(numbers), reverse=True)
    assert {each["decision"]["rule"] for each in first["decisions"]} == {"no-office"}
    assert side.get("decisions?verdict=deny&client=192.0.2.0/24")["decisions"] == []
    assert side.get("decisions?host=shop.example&since=1h")["decisions"]


def _denied(side: LookedAfter) -> list[Any]:
    found: list[Any] = side.get("decisions?verdict=deny&rule=no-office")["decisions"]
    return found


def test_a_decision_tells_its_whole_story(side: LookedAfter) -> None:
    assert side.visit("/office/story") == 403
    until(lambda: any(each["request"]["path"] == "/office/story" for each in _denied(side)), "it never came")
    (record,) = (each for each in _denied(side) if each["request"]["path"] == "/office/story")

    story = side.get(f"decisions/{record['id']}")

    assert (story["decision"]["seq"], story["end"]["status"]) == (record["seq"], 403)
    with side.client() as client:
        assert client.get("/api/v1/decisions/01AAAAAAAAAAAAAAAAAAAAAAAA").status_code == 404


def test_decisions_stream_as_they_come_and_go_on_where_they_stopped(side: LookedAfter) -> None:
    with side.client() as client, client.stream("GET", "/api/v1/decisions/stream?verdict=deny") as stream:
        lines = stream.iter_lines()
        assert next(lines) == "retry: 1000"
        side.visit("/office/stream-1")
        seq, first = _event(lines)
    assert first["request"]["path"] == "/office/stream-1"
    side.visit("/office/stream-2")
    with (
        side.client(**{"Last-Event-ID": str(seq)}) as client,
        client.stream("GET", "/api/v1/decisions/stream?verdict=deny") as stream,
    ):
        _, second = _event(stream.iter_lines())
    assert second["request"]["path"] == "/office/stream-2"


def _event(lines: Iterator[str]) -> tuple[int, dict[str, Any]]:
    seq = 0
    for line in lines:
        if line.startswith("id: "):
            seq = int(line.removeprefix("id: "))
        if line.startswith("data: "):
            found: dict[str, Any] = json.loads(line.removeprefix("data: "))
            return seq, found
    raise AssertionError("the stream ended")


def test_figures_follow_the_log(side: LookedAfter) -> None:
    before = side.get("figures")["decisions"]["deny"]
    side.visit("/office/figures")

    until(lambda: bool(side.get("figures")["decisions"]["deny"] > before), "the figures never moved")
    rules = {each["value"] for each in side.get("figures?span=24h")["blocked"]["rule"]}

    assert "no-office" in rules


def test_servers_join_and_leave_and_it_is_written_down_who_ordered_it(side: LookedAfter) -> None:
    new = f"http://127.0.0.1:{free_port()}"
    with side.client() as client:
        joined = client.put("/api/v1/upstreams/app/servers", json={"url": new}).json()
        left = client.delete("/api/v1/upstreams/app/servers", params={"url": new}).json()
        own = client.put("/api/v1/upstreams/app/servers", json={"url": f"http://127.0.0.1:{side.admin}"})
        named = client.put("/api/v1/upstreams/app/servers", json={"url": f"http://looped.example:{side.admin}"})
        last = client.delete("/api/v1/upstreams/app/servers", params={"url": f"http://127.0.0.1:{side.server}"})

    assert new in {each["url"] for each in joined["servers"]}
    assert new not in {each["url"] for each in left["servers"]}
    assert [each.status_code for each in (own, named, last)] == [409, 409, 409]
    until(lambda: len(records_of(side, "upstreams.servers")) == 2, "the records never came")
    assert {each["by"] for each in records_of(side, "upstreams.servers")} == {"admin-api token from 127.0.0.1"}


def test_a_reload_says_what_was_kept_and_why(side: LookedAfter) -> None:
    file = side.gateway.folder / "reverse.yaml"
    good = file.read_text("utf-8")
    file.write_text(good + "nonsense: true\n", encoding="utf-8")
    try:
        refused = verb(side, "reload")
        kept = side.get("status")["listeners"][1]["policy"]["kept_because"]
        unwell = verb(side, "status")
    finally:
        file.write_text(good, encoding="utf-8")
    with side.client() as client:
        loaded = client.post("/api/v1/reload").json()

    assert refused.returncode == 1
    assert "unknown key `nonsense`" in refused.stdout
    assert "nonsense" in kept[0]
    assert (unwell.returncode, "KEPT" in unwell.stdout) == (1, True)
    assert loaded["kept"] == 0
    until(lambda: len(records_of(side, "reload")) == 2, "the records never came")
    assert [each["by"] for each in records_of(side, "reload")] == [None, "admin-api token from 127.0.0.1"]


def test_it_is_started_again_when_it_dies_and_requests_never_notice(side: LookedAfter) -> None:
    (child,) = _children(side)
    os.kill(child, signal.SIGKILL)

    assert side.visit("/items/1") == 200
    until(lambda: _children(side) not in ([], [child]) and answers(side), "it was never started again")
    assert any("the admin side ended with code -9" in line for line in side.gateway.process.err)


def _children(side: LookedAfter) -> list[int]:
    """The admin processes of this gateway."""
    parent = side.gateway.process.process.pid
    found = subprocess.run(["ps", "--ppid", str(parent), "-o", "pid="], check=False, capture_output=True, text=True)
    return [int(each) for each in found.stdout.split()]


def test_a_drain_is_told_to_balancers_waits_for_exchanges_and_ends_it_all(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side, _held(side) as (client, release), side.client(token="") as balancer:
        assert _readiness(balancer) == (200, "ready")
        draining = _draining(side, seconds=600)
        until(lambda: _readiness(balancer) == (503, "draining"), "balancers were never told")
        assert draining.poll() is None
        release.set()
        answered = client.answer()
        said, _ = draining.communicate(timeout=PATIENCE)
        assert (answered.status, answered.body) == (200, b"hello")
        assert (draining.returncode, said.splitlines()[-1]) == (0, "the gateway has stopped")
        assert records_of(side, "drain")[0]["what"] == {"seconds": "600"}
        assert side.gateway.records()[-1]["cause"] == "told to drain"
        assert side.gateway.process.process.wait(PATIENCE) == 0
        until(lambda: not answers(side), "the admin side outlived its gateway")


def test_a_drain_whose_time_is_over_waits_for_nobody(tmp_path: Path) -> None:
    with looked_after(tmp_path) as side, _held(side) as (client, _):
        ended = verb(side, "drain", "--timeout", "0.5")

        assert (ended.returncode, ended.stdout.splitlines()[-1]) == (0, "the gateway has stopped")
        assert client.rest() == b""
        assert side.gateway.process.process.poll() == 0
        (end,) = [each for each in side.gateway.records() if each["event"] == "end"]
        assert (end["status"], end["reason"], end["bytes"]["down"]) == (None, "gateway-stopped", 0)
        assert end["decision"]["detail"] == "The gateway was stopped."


@contextmanager
def _held(side: LookedAfter) -> Iterator[tuple[Wire, threading.Event]]:
    """A client whose request was let through, and whose server answers when it is told to."""
    release = threading.Event()

    def serve(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        release.wait(PATIENCE)
        connection.sendall(HELLO)

    with origin(serve=serve) as server, side.gateway.through() as client:
        authority = f"shop.example:{server.port}"
        client.send(get(f"http://{authority}/", authority))
        until(lambda: b"GET / " in server.received, "the request never came")
        yield client, release
        release.set()


def _draining(side: LookedAfter, seconds: int) -> subprocess.Popen[str]:
    """The verb under way, which ends when the gateway has."""
    command = [COMMAND, "drain", "--timeout", str(seconds), "--state", str(side.gateway.state)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def _readiness(balancer: httpx.Client) -> tuple[int, str]:
    """What a balancer hears; 0 when nobody answers, as on a machine that is too busy."""
    try:
        answer = balancer.get("/readyz")
    except httpx.HTTPError as error:
        return 0, str(error)
    return answer.status_code, answer.json()["status"]
