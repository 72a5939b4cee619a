from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.exporters import Exporters
from gateway.audit.export.health import Health
from gateway.audit.export.identity import NAME
from gateway.audit.export.rules import Export
from gateway.audit.export.targets import Target
from gateway.audit.writing.errors import AuditUnavailable
from tests.unit.audit.export.listening import Listening, answers, reads_to_the_end, status
from tests.unit.audit.export.logged import line, segment
from tests.unit.audit.logs import until

if TYPE_CHECKING:
    from pathlib import Path


def exporters(folder: Path, said: list[str], *exports: Export) -> Exporters:
    """The exporters of the log in a folder."""
    return Exporters(exports, folder / "audit", folder / "cursors", said=said.append, missed=said.append)


def siem(receiver: Listening) -> Export:
    """One exporter."""
    return Export(name="siem", kind="syslog", target=Target("tcp", "127.0.0.1", receiver.port))


def test_without_exporters_nothing_is_started_or_made(tmp_path: Path) -> None:
    running = exporters(tmp_path, [])
    running.start()

    assert (running.health(), running.process) == ((), None)
    running.close()
    assert list(tmp_path.iterdir()) == []


def test_records_are_sent_by_another_process_which_ends_with_them(tmp_path: Path) -> None:
    segment(tmp_path / "audit", [line(1), line(2)])
    said: list[str] = []
    with Listening([reads_to_the_end]) as receiver:
        running = exporters(tmp_path, said, siem(receiver))
        assert running.health() == (Health(name="siem"),)
        running.start()
        until(lambda: running.health()[0].seq == 2, 20.0)
        process = running.process
        segment(tmp_path / "audit", [line(3)])
        running.close()

    assert process is not None
    assert process != os.getpid()
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    assert running.health() == (Health(name="siem", state="sending", seq=3),)
    assert [b'"seq":3' in data for data in receiver.got if data] == [False, True]
    assert said == []


def test_a_process_that_was_killed_has_a_successor(tmp_path: Path) -> None:
    segment(tmp_path / "audit", [line(1)])
    said: list[str] = []
    with Listening([reads_to_the_end]) as receiver:
        running = exporters(tmp_path, said, siem(receiver))
        running.start()
        until(lambda: running.health()[0].seq == 1, 20.0)
        os.kill(running.process or 0, signal.SIGKILL)
        segment(tmp_path / "audit", [line(2)])
        until(lambda: running.health()[0].seq == 2, 20.0)
        running.close()

    assert said == ["audit: the process of the exporters was killed by signal 9, it is started again"]


def test_what_an_exporter_says_is_heard(tmp_path: Path) -> None:
    segment(tmp_path / "audit", [line(1)])
    said: list[str] = []
    with Listening([answers(status(404))]) as receiver:
        hook = Export(name="hook", kind="webhook", target=Target("http", "127.0.0.1", receiver.port, "/"))
        running = exporters(tmp_path, said, hook)
        running.start()
        until(lambda: running.health()[0].state == "stopped", 20.0)
        running.close()

    assert len(said) == 1
    assert said[0].startswith(f"audit: exporter `hook`: `http://127.0.0.1:{receiver.port}/` answered 404; ")


def test_a_log_whose_name_cannot_be_had_is_a_reason_not_to_start(tmp_path: Path) -> None:
    export = Export(name="console", kind="stdout")
    with pytest.raises(AuditUnavailable, match=r"audit: cannot write `.*audit`: no such file or directory"):
        exporters(tmp_path, [], export).start()

    (tmp_path / "audit").mkdir()
    (tmp_path / "audit" / NAME).write_text("nonsense", encoding="ascii")
    with pytest.raises(AuditUnavailable, match="does not hold the name of a log"):
        exporters(tmp_path, [], export).start()


def test_nobody_waits_for_a_receiver_that_is_away_when_all_ends(tmp_path: Path) -> None:
    segment(tmp_path / "audit", [line(1)])
    said: list[str] = []
    away = Export(name="siem", kind="syslog", target=Target("tcp", "127.0.0.1", 1))
    running = exporters(tmp_path, said, away)
    running.start()
    until(lambda: running.health()[0].state == "failing", 20.0)
    running.close()

    assert running.health()[0].waiting == 1
    assert said == [
        "audit: exporter `siem`: `tcp://127.0.0.1:1`: connection refused; records wait in the log until it works again"
    ]
