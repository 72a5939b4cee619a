from __future__ import annotations

import io
import time
from typing import TYPE_CHECKING, override

import pytest

from gateway.audit.writing.writer import AuditWriter
from gateway.cli.watch import watching

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record

NEVER = 10.0


class Terminal(io.StringIO):
    """Text that says it is a terminal."""

    @override
    def isatty(self) -> bool:
        return True


def _decision(host: str, verdict: str = "deny") -> Record:
    return {
        "time": "2026-11-23T10:00:00.123456Z",
        "event": "decision",
        "client": {"ip": "10.1.2.3"},
        "request": {"method": "GET", "scheme": "http", "host": host, "port": 80, "path": "/"},
        "decision": {"verdict": verdict, "reason": "rule-deny", "rule": "no-ads", "place": "corporate.yaml:34"},
    }


@pytest.fixture
def log(tmp_path: Path) -> Path:
    return tmp_path / "audit"


@pytest.fixture
def writer(log: Path) -> Iterator[AuditWriter]:
    writer = AuditWriter(log)
    writer.start()
    yield writer
    writer.close()


def _wait_for(out: io.StringIO, text: str) -> None:
    give_up = time.monotonic() + NEVER
    while text not in out.getvalue():
        assert time.monotonic() < give_up, f"`{text}` never came: {out.getvalue()}"
        time.sleep(0.01)


def test_every_new_decision_is_one_line_and_old_ones_are_none(log: Path, writer: AuditWriter) -> None:
    writer.append_durable(_decision("old.example")).result(NEVER)
    out = io.StringIO()

    with watching(log, out):
        writer.append(_decision("ads.example"))
        writer.append({"time": "2026-11-23T10:00:00.123456Z", "event": "end", "id": "x", "status": 403})
        _wait_for(out, "ads.example")

    (line,) = out.getvalue().splitlines()
    assert "deny" in line
    assert "GET http://ads.example/" in line
    assert "no-ads (corporate.yaml:34)" in line


def test_what_was_written_last_is_still_shown(log: Path, writer: AuditWriter) -> None:
    out = io.StringIO()

    with watching(log, out):
        writer.append_durable(_decision("last.example")).result(NEVER)

    assert "last.example" in out.getvalue()


def test_the_watch_may_begin_before_there_is_a_log(log: Path) -> None:
    out = io.StringIO()

    with watching(log, out):
        writer = AuditWriter(log)
        writer.start()
        writer.append(_decision("first.example"))
        _wait_for(out, "first.example")
        writer.close()


def test_a_watch_over_nothing_ends_with_nothing(log: Path) -> None:
    out = io.StringIO()

    with watching(log, out):
        pass

    assert out.getvalue() == ""


@pytest.mark.parametrize(("coloured", "environment"), [(True, {}), (False, {"NO_COLOR": "1"})])
def test_colour_is_for_terminals_whose_owner_did_not_refuse_it(
    coloured: bool,  # noqa: FBT001 - the wanted value of a table's row
    environment: dict[str, str],
    log: Path,
    writer: AuditWriter,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    out = Terminal()

    with watching(log, out):
        writer.append_durable(_decision("ads.example")).result(NEVER)

    assert "ads.example" in out.getvalue()
    assert coloured is ("\x1b[" in out.getvalue())


def test_a_terminal_that_went_away_stops_the_watch_and_nothing_else(log: Path, writer: AuditWriter) -> None:
    with watching(log, _Gone()):
        writer.append_durable(_decision("ads.example")).result(NEVER)

    assert writer.healthy


class _Gone(io.StringIO):
    @override
    def write(self, text: str) -> int:
        raise BrokenPipeError
