"""At least once: exporters and receivers are killed at random moments, and every record arrives, with its number."""

from __future__ import annotations

import os
import random
import signal
from contextlib import suppress
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.rules import Export
from tests.e2e.commands import until
from tests.e2e.exported import stage, target
from tests.e2e.receivers import rsyslog, web

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from tests.e2e.exported import Stage
    from tests.e2e.receivers import Receiver

pytestmark = pytest.mark.e2e

KILLS = 10
A_FEW = 40
"""Records between two kills, and more if chance says so: what is killed is at work."""


def _exports(syslog: Receiver, application: Receiver) -> tuple[Export, ...]:
    base = f"http://127.0.0.1:{application.port}"
    return (
        Export(name="siem", kind="syslog", target=target(f"tcp://127.0.0.1:{syslog.port}")),
        Export(name="hook", kind="webhook", target=target(f"{base}/hook")),
    )


def _kill_exporters(running: Stage) -> None:
    process = running.exporters.process
    if process is not None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)


def _told_apart(taken: Sequence[tuple[str, int, str]]) -> dict[tuple[str, int], set[str]]:
    """The texts under which each record came; one, however often it came."""
    found: dict[tuple[str, int], set[str]] = {}
    for log, seq, text in taken:
        found.setdefault((log, seq), set()).add(text)
    return found


@pytest.mark.parametrize("seed", range(3))
def test_whoever_is_killed_every_record_arrives_with_its_number(seed: int, tmp_path: Path) -> None:
    chance = random.Random(seed)
    with (
        rsyslog(tmp_path / "rsyslog") as syslog,
        web(tmp_path / "web") as application,
        stage(tmp_path / "state", *_exports(syslog, application)) as running,
    ):
        for _ in range(KILLS):
            running.write(chance.randrange(A_FEW, 10 * A_FEW))
            match chance.choice(["exporters", "syslog", "application"]):
                case "exporters":
                    _kill_exporters(running)
                case "syslog":
                    syslog.kill()
                    running.write(chance.randrange(A_FEW))
                    syslog.start()
                case _:
                    application.kill()
                    running.write(chance.randrange(A_FEW))
                    application.start()
        wanted = set(range(1, running.last + 1))
        until(lambda: wanted <= syslog.seqs(), f"rsyslogd never had all of {running.last}")
        until(lambda: wanted <= application.seqs(), f"the application never had all of {running.last}")

    for receiver in (syslog, application):
        found = _told_apart(receiver.taken())
        assert {len(texts) for texts in found.values()} == {1}
        assert len({log for log, _ in found}) == 1
        assert wanted == {seq for _, seq in found}


def test_a_killed_process_of_exporters_is_started_again_and_that_is_said(tmp_path: Path) -> None:
    with (
        rsyslog(tmp_path / "rsyslog") as syslog,
        web(tmp_path / "web") as application,
        stage(tmp_path / "state", *_exports(syslog, application)) as running,
    ):
        running.write(10)
        until(lambda: running.last in application.seqs(), "the first records never came")
        _kill_exporters(running)
        running.write(10)
        until(lambda: running.last in application.seqs(), "the others never came")

    assert running.said == ["audit: the process of the exporters was killed by signal 9, it is started again"]
