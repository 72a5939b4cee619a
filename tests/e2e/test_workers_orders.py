"""Orders to several workers and their admin side: one answer for all, whoever gives the order, and HTTP/3 beside."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from gateway.cli.ordering import ordered
from gateway.control.channel import Order
from tests.e2e.commands import STARTING, running, until
from tests.e2e.h3wire import asking, talking
from tests.e2e.looked_after import LookedAfter, looked_after
from tests.e2e.origins import RecordingOrigin
from tests.e2e.staffed import NEW, both, staffed
from tests.e2e.test_http3_process import HOST, written
from tests.e2e.trail import read_log

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.e2e

WANTED = 12
"""Connections: that all of them come to one of two workers is no matter of luck any more."""


@pytest.fixture(scope="module")
def side(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LookedAfter]:
    with looked_after(tmp_path_factory.mktemp("workers"), {"workers": 2, "reload": {"watch": False}}) as found:
        assert [found.visit(f"/office/{number}") for number in range(WANTED)] == [403] * WANTED
        assert [found.visit("/items/1") for _ in range(WANTED)] == [200] * WANTED
        yield found


def _rule(side: LookedAfter, name: str) -> dict[str, Any]:
    [found] = [each for policy in side.get("policies")["policies"] for each in policy["rules"] if each["id"] == name]
    return dict(found)


def test_the_status_names_every_worker_and_the_process_that_was_started(side: LookedAfter) -> None:
    told = side.get("status")

    assert (told["ready"], told["draining"], told["pid"]) == (True, False, side.gateway.process.process.pid)
    assert {each["worker"]: each["pid"] for each in told["workers"]} == both(side.gateway)
    assert told["connections"] == sum(each["connections"] for each in told["workers"])
    assert (told["audit"]["healthy"], told["audit"]["trouble"]) == (True, None)
    assert told["audit"]["last"] >= 2 * WANTED


def test_what_rules_had_to_say_is_added_up_and_none_is_told_twice(side: LookedAfter) -> None:
    assert (_rule(side, "no-office")["fired"], _rule(side, "never-met")["fired"]) == (WANTED, 0)
    silent = {name for policy in side.get("policies")["policies"] for name in policy["never_fired"]}
    assert "no-office" not in silent
    assert "never-met" in silent


def test_limits_tell_the_keys_of_all_workers_once(side: LookedAfter) -> None:
    [limit] = side.get("limits")["limits"]
    [client] = limit["fullest"]

    assert (limit["listener"], limit["id"], limit["keys"]) == ("shop", "per-client", 1)
    assert client["key"] == {"client.ip": "127.0.0.1"}
    assert 0 < client["remaining"] <= limit["rate"]["burst"]


def test_servers_stand_with_each_worker_and_what_they_are_at_is_added_up(side: LookedAfter) -> None:
    [upstream] = side.get("upstreams")["upstreams"]
    [server] = upstream["servers"]

    assert (server["url"], server["in_flight"]) == (f"http://127.0.0.1:{side.server}", 0)
    assert (server["standing"], server["workers"], server["healthy"]) == ("up", ["up", "up"], True)


def test_what_all_would_say_is_said_once(side: LookedAfter) -> None:
    with side.client() as client:
        asked = {"url": "https://x.ads.example/", "listener": "egress", "client": "192.0.2.7"}
        told = client.post("/api/v1/explain", json=asked).json()

    assert told["decision"]["rule"] == "no-ads"
    listed = [(each["listener"], each["name"]) for each in side.get("lists")["lists"]]
    assert listed == [("egress", "listed")]


def test_metrics_are_those_of_all_workers(side: LookedAfter) -> None:
    with side.client() as client:
        page = client.get("/metrics").text
    lines = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    denied = [
        float(value)
        for name, value in lines.items()
        if name.startswith("wicketgate_decisions_total") and 'rule="no-office"' in name
    ]

    assert denied == [WANTED]
    assert float(lines["wicketgate_processes"]) == 2
    assert float(lines["wicketgate_audit_healthy"]) == 1
    assert float(lines['wicketgate_limit_keys{limit="per-client",listener="shop"}']) == 1


def test_a_reload_over_the_admin_side_reaches_all_workers(side: LookedAfter) -> None:
    law = side.gateway.state.parent / "reverse.yaml"
    law.write_text(law.read_text("utf-8").replace("/office", "/cellar"), encoding="utf-8")
    with side.client() as client:
        answer = client.post("/api/v1/reload", json={})
    assert answer.status_code == 200, answer.text

    assert {side.visit("/cellar/1") for _ in range(WANTED)} == {403}
    assert {side.visit("/office/1") for _ in range(WANTED)} <= {200, 404}
    events = [each for each in side.gateway.records() if each["event"] in {"admin", "policy"}]
    assert [(each.get("order"), each.get("cause")) for each in events][-3:].count(("reload", None)) == 1


def test_told_to_drain_all_workers_end(tmp_path: Path) -> None:
    with RecordingOrigin() as origin, staffed(tmp_path, origin) as started:
        both(started)
        told = ordered(started.state, Order("drain", {"seconds": "5"}))
        assert told == {"connections": 0, "seconds": 5.0}
        assert started.process.process.wait(30) == 0

    last = started.records()[-1]
    assert (last["event"], last["cause"]) == ("stop", "told to drain")


def test_a_file_that_changes_is_read_again_by_all(tmp_path: Path) -> None:
    with RecordingOrigin() as origin, staffed(tmp_path, origin, settings={"reload": {"settle": "200ms"}}) as started:
        both(started)
        (tmp_path / "reverse.yaml").write_text(NEW, encoding="utf-8")
        url = f"http://127.0.0.1:{started.reverse}/shut"

        def refused() -> bool:
            answers = {
                httpx.get(url, headers={"Host": "shop.example"}, trust_env=False).status_code for _ in range(WANTED)
            }
            return answers == {403}

        until(refused, "the new policy never held everywhere")

    loaded = [(each["policy"]["name"], each["cause"]) for each in started.records() if each["event"] == "policy"]
    assert loaded == [("old", "start"), ("new", "file")]


def test_http3_is_spoken_by_both_workers_and_a_client_stays_with_its_own(tmp_path: Path) -> None:
    with RecordingOrigin() as origin:
        port = written(tmp_path, origin, "workers: 2\n")
        with running("run", "--config", "wicketgate.yaml", cwd=tmp_path) as gateway:
            gateway.wait_for("ready: ", gateway.err, STARTING)
            with ExitStack() as opened:
                clients = [opened.enter_context(talking(port, HOST, tmp_path / "root.pem")) for _ in range(WANTED)]
                for client in clients:
                    assert [client.ask(asking(HOST, path)).status for path in ("/a", "/b", "/c")] == [200] * 3
                shares = [each["connections"] for each in ordered(tmp_path / "state", Order("status"))["workers"]]
                assert (sum(shares), min(shares) > 0) == (WANTED, True)

    decided = [each for each in read_log(tmp_path / "state" / "audit") if each["event"] == "decision"]
    assert {each["request"]["protocol"] for each in decided} == {"h3"}
    assert len(decided) == 3 * WANTED
