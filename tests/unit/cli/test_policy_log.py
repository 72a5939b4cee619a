from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import pytest

from gateway.audit.records.events import start_record
from gateway.audit.records.times import timestamp
from gateway.cli.outcome import Unusable
from gateway.cli.policy_log import Traffic, nothing_found, traffic
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.unit.cli.logged import write_log
from tests.unit.replay.made import NOW, Record, compiled, exchange, judged, plain

if TYPE_CHECKING:
    from pathlib import Path

OPEN = "default: {action: allow}\n"


def _exchange(now: float = NOW, **more: Any) -> list[Record]:
    mode = more.get("mode", Mode.FORWARD)
    return exchange(*judged(compiled(OPEN, mode)[0], plain(now=now)), **more)


def _options(log: Path, **changed: Any) -> argparse.Namespace:
    given = {"log": log, "since": None, "until": None, "listener": None, "mode": None}
    return argparse.Namespace(**(given | changed))


def test_decisions_come_with_their_ends_and_nothing_else_does(tmp_path: Path) -> None:
    start = start_record(version="1", engine="mitmproxy", listeners=["egress forward 10.0.0.5:8080"], now=NOW)
    log = write_log(tmp_path, [start, *_exchange(), *_exchange(listener="other")])
    chosen = Traffic(log, listener="egress")

    assert [record["event"] for record in chosen.records()] == ["decision", "end"]
    assert chosen.own == {(Address.parse("10.0.0.5"), 8080)}
    assert chosen.mode is Mode.FORWARD


def test_the_gateways_own_listeners_are_known_from_a_start_before_the_time_that_is_chosen(tmp_path: Path) -> None:
    listeners = ["egress forward 10.0.0.5:8080", "admin 127.0.0.1:8090", "odd somewhere"]
    start = start_record(version="1", engine="mitmproxy", listeners=listeners, now=NOW - 9000)
    log = write_log(tmp_path, [start, *_exchange(NOW - 7200), *_exchange(NOW)])
    chosen = traffic(_options(log, since="1h"), NOW + 1)

    assert [record["event"] for record in chosen.records()] == ["decision", "end"]
    assert chosen.own == {(Address.parse("10.0.0.5"), 8080), (Address.parse("127.0.0.1"), 8090)}


def test_an_end_after_the_time_that_is_chosen_belongs_to_its_decision(tmp_path: Path) -> None:
    late = _exchange(NOW - 7200)
    late[1]["time"] = timestamp(NOW)
    log = write_log(tmp_path, [*late, *_exchange(NOW)])

    found = list(traffic(_options(log, until="1h"), NOW + 1).records())

    assert [(record["event"], record["id"]) for record in found] == [
        ("decision", late[0]["id"]),
        ("end", late[0]["id"]),
    ]


def test_on_a_terminal_it_is_told_how_far_the_walk_is(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    log = write_log(tmp_path, _exchange())
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    monkeypatch.setattr("gateway.cli.audit_walk._PATIENCE", 0.0)

    assert len(list(Traffic(log).records())) == 2
    assert "\r\x1b[K" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("since", "until", "count"),
    [(None, None, 2), ("1h", None, 1), (None, "1h", 1), (timestamp(NOW - 7200), timestamp(NOW), 1)],
)
def test_a_span_of_time_is_chosen_by_lengths_and_by_moments(
    since: str | None, until: str | None, count: int, tmp_path: Path
) -> None:
    log = write_log(tmp_path, [*_exchange(NOW - 7200), *_exchange(NOW)])

    chosen = traffic(_options(log, since=since, until=until), NOW + 1)

    assert sum(record["event"] == "decision" for record in chosen.records()) == count


def test_listeners_that_face_both_ways_have_to_be_chosen_among(tmp_path: Path) -> None:
    log = write_log(tmp_path, [*_exchange(), *_exchange(listener="shop", mode=Mode.REVERSE)])

    with pytest.raises(Unusable, match=r"`egress` \(forward\) and `shop` \(reverse\) decided: choose"):
        list(traffic(_options(log), NOW).records())
    chosen = traffic(_options(log, mode="reverse"), NOW)
    assert [record["listener"] for record in chosen.records() if record["event"] == "decision"] == ["shop"]


def test_what_cannot_be_used_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="there is no audit log in"):
        traffic(_options(tmp_path / "nowhere"), NOW)
    with pytest.raises(Unusable, match="--since: `7w` is no length of time"):
        traffic(_options(tmp_path, since="7w"), NOW)
    assert "holds no decision" in str(nothing_found(Traffic(tmp_path)))


def test_a_damaged_line_is_told_and_passed_over(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = write_log(tmp_path, _exchange())
    (segment,) = log.iterdir()
    segment.write_text("no record\n" + segment.read_text("utf-8"), "utf-8")

    assert len(list(Traffic(log).records())) == 2
    assert "this line holds no record" in capsys.readouterr().err
