"""Servers that are looked after: what is down is asked no more, what is up again is, and the log says so."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from gateway.upstreams.pools.health import HealthRules
from gateway.upstreams.pools.outliers import OutlierRules
from gateway.upstreams.pools.retries import RetryRules
from gateway.upstreams.pools.rules import CheckRules, PoolRules
from tests.e2e.commands import until
from tests.e2e.origin import origin, read_request
from tests.e2e.pooled import answering, pooled

if TYPE_CHECKING:
    import socket
    from pathlib import Path

    from tests.e2e.origin import Visit
    from tests.e2e.pooled import Pooled

pytestmark = pytest.mark.e2e

OFTEN: Final = CheckRules(path="/healthz?deep=1", interval=0.05, timeout=0.3)
RULES: Final = PoolRules(check=OFTEN, health=HealthRules(fall=2, rise=2), outliers=OutlierRules(failures=1000))
SICK: Final = "500 Internal Server Error"


def _standings(here: Pooled) -> list[tuple[str, str]]:
    """What the log says of servers: port and standing."""
    records = [each for each in here.gateway.records() if each["event"] == "server"]
    return [(each["server"].rpartition(":")[2], each["standing"]) for each in records]


def test_a_server_that_is_not_well_is_asked_no_more_until_it_is(tmp_path: Path) -> None:
    with pooled(tmp_path, RULES) as here:
        here.until_they_stand("up", "up")
        here.origins[0].answer = answering(0, SICK)
        here.until_they_stand("down", "up")
        during = here.asked(6)
        here.origins[0].answer = answering(0)
        here.until_they_stand("up", "up")
        after = here.asked(6)
        port = str(here.origins[0].port)

    assert set(during) == {"1"}
    assert set(after) == {"0", "1"}
    assert _standings(here) == [(port, "down"), (port, "up")]
    (down,) = [each for each in here.gateway.records() if each.get("standing") == "down"]
    assert (down["upstream"], down["detail"]) == ("app", "its health check failed: it answered 500")


def test_when_all_are_down_it_is_said_at_once_and_ends_by_itself(tmp_path: Path) -> None:
    with pooled(tmp_path, RULES) as here:
        for number, each in enumerate(here.origins):
            each.answer = answering(number, SICK)
        here.until_they_stand("down", "down")
        refused = here.ask()
        for number, each in enumerate(here.origins):
            each.answer = answering(number)
        here.until_they_stand("up", "up")
        again = here.ask().status

    assert refused.verdict[:2] == (503, "upstream-unavailable")
    assert refused.get("retry-after") == "1"
    assert again == 200
    assert ("deny", "upstream-unavailable") in here.gateway.exchanges()


def test_a_look_is_a_request_that_says_nothing_of_the_gateway(tmp_path: Path) -> None:
    with pooled(tmp_path, RULES, origins=1) as here:
        until(lambda: b"\r\n\r\n" in here.origins[0].received, "nobody looked")
        head = bytes(here.origins[0].visits[0].data).decode().split("\r\n\r\n")[0].split("\r\n")

    assert head == [
        "GET /healthz?deep=1 HTTP/1.1",
        f"Host: origin.example:{here.origins[0].port}",
        "User-Agent: health-check",
        "Accept: */*",
        "Connection: close",
    ]


@pytest.mark.parametrize("status", ["302 Found", "301 Moved Permanently"])
def test_a_redirect_is_an_answer_and_is_not_followed(status: str, tmp_path: Path) -> None:
    with origin() as elsewhere, pooled(tmp_path, RULES, origins=1) as here:
        place = f"Location: http://origin.example:{elsewhere.port}/\r\nContent-Length: 0"
        here.origins[0].answer = f"HTTP/1.1 {status}\r\n{place}\r\n\r\n".encode()
        here.until_they_stand("down")

    assert elsewhere.visits == []


def test_an_answer_without_an_end_is_read_to_its_status_only(tmp_path: Path) -> None:
    def pour(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.sendall(b"HTTP/1.1 500 No\r\nTransfer-Encoding: chunked\r\n\r\n")
        while True:
            connection.sendall(b"10000\r\n" + b"x" * 65536 + b"\r\n")

    with pooled(tmp_path, RULES, origins=1) as here:
        here.origins[0].serve = pour
        here.until_they_stand("down")
        until(here.origins[0].visits[0].closed.is_set, "the look never ended")


@pytest.mark.parametrize("said", [b"", b"gArBaGe\r\n\r\n", b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000])
def test_who_gives_no_answer_is_down(said: bytes, tmp_path: Path) -> None:
    def talk(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.sendall(said)

    with pooled(tmp_path, RULES, origins=1) as here:
        here.origins[0].serve = talk
        here.until_they_stand("down")


def test_who_is_silent_is_down_in_time(tmp_path: Path) -> None:
    def wait(connection: socket.socket, visit: Visit) -> None:
        read_request(connection, visit)
        connection.recv(1)

    with pooled(tmp_path, RULES, origins=1) as here:
        here.origins[0].serve = wait
        here.until_they_stand("down")

    (down,) = [each for each in here.gateway.records() if each.get("standing") == "down"]
    assert down["detail"] == "its health check failed: no answer within 0.3 s"


def test_who_was_never_there_is_down_after_the_first_look(tmp_path: Path) -> None:
    slow = replace(RULES, check=replace(OFTEN, interval=3600.0), health=HealthRules(fall=1000))
    with pooled(tmp_path, slow, origins=1, dead=1) as here:
        here.until_they_stand("up", "down")

        assert set(here.asked(4)) == {"0"}


def test_other_statuses_are_good_if_the_operator_says_so(tmp_path: Path) -> None:
    lenient = replace(RULES, check=replace(OFTEN, statuses=((401, 401),)))
    with pooled(tmp_path, lenient) as here:
        here.origins[0].answer = answering(0, "401 Unauthorized")
        here.until_they_stand("up", "down")


def test_who_fails_one_request_after_the_other_is_spared_and_comes_back(tmp_path: Path) -> None:
    rules = PoolRules(
        outliers=OutlierRules(failures=3, base=0.4, longest=0.4), retries=RetryRules(most=0), slow_start=0.0
    )
    with pooled(tmp_path, rules) as here:
        here.origins[0].answer = answering(0, SICK)
        spoilt = here.asked(6)
        here.until_they_stand("ejected", "up")
        spared = here.asked(4)
        here.origins[0].answer = answering(0)
        here.until_they_stand("up", "up")
        back = here.asked(4)
        port = str(here.origins[0].port)

    assert spoilt.count("0") == 3
    assert set(spared) == {"1"}
    assert set(back) == {"0", "1"}
    assert _standings(here) == [(port, "ejected")]


def test_the_last_one_is_never_spared(tmp_path: Path) -> None:
    with pooled(tmp_path, PoolRules(outliers=OutlierRules(failures=1)), origins=1) as here:
        here.origins[0].answer = answering(0, SICK)

        assert [here.ask().status for _ in range(5)] == [500] * 5
        assert here.standings() == ["up"]
