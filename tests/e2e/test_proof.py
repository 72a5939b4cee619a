"""The log of a running gateway, proved with the installed command; and of writers that are killed while they write."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.audit.proof.store import CHECKPOINT, FOLDER
from gateway.audit.proof.verifying import verify
from gateway.audit.reading.reader import records
from gateway.cli.outcome import CANNOT_DECIDE, FINDINGS, OK
from tests.e2e.commands import until
from tests.e2e.gateway import CLOSING, gateway
from tests.house.sources import ROOT

pytestmark = pytest.mark.e2e

POLICY = """version: 1
name: office
default: {action: allow}
rules: [{id: no, action: deny, reason: Closed, when: {host: {is: [closed.example]}}}]
"""
LIVES = 12
VICTIM = """
import sys
from pathlib import Path
from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.writing.writer import AuditWriter, WriterOptions

options = WriterOptions(gather=0.0, sync_interval=0.002, segment_size=20_000)
writer = AuditWriter(Path(sys.argv[1]), options, witness=Notary(NotaryOptions(checkpoint=0.002, remember=0.0)))
writer.start()
print("ready", flush=True)
while True:
    writer.append_durable({"time": "2026-11-23T10:00:00.000000Z", "event": "stop", "cause": "x"}).result()
"""


def test_a_decision_of_a_running_gateway_is_proved_and_its_log_too(tmp_path: Path) -> None:
    anchor, log = tmp_path / "anchor", tmp_path / "state" / "audit"
    settings = {"proof": {"heartbeat": "1s", "anchors": [{"file": "anchor"}]}}
    with gateway(tmp_path, forward=POLICY, settings=settings) as running:
        with running.through() as wire:
            answer = wire.ask(b"GET http://closed.example/ HTTP/1.1\r\nHost: closed.example\r\n" + CLOSING + b"\r\n")
        running.decision(answer)
        until(lambda: any(each["event"] == "heartbeat" for each in running.records()), "no sign of life came")
        key = wicketgate("audit", "key", "--log", str(log)).stdout.splitlines()[0]
        proof = tmp_path / "proof.json"
        until(lambda: _proves(answer.decision, log, proof), "the decision was never signed")
        assert wicketgate("audit", "verify", str(log), "--key", key, "--anchor", str(anchor)).returncode == OK

    whole = wicketgate("audit", "verify", str(log), "--key", key, "--anchor", str(anchor), "--format", "json")
    data = json.loads(whole.stdout)
    assert (data["verdict"], data["findings"], data["notes"]) == ("sound", [], [])
    assert data["signed"] == data["last"]

    shown = wicketgate("audit", "verify-proof", str(proof), "--key", key)
    assert shown.returncode == OK
    assert answer.decision in shown.stdout
    assert wicketgate("audit", "verify-proof", str(proof)).returncode == CANNOT_DECIDE
    proof.write_text(proof.read_text().replace("deny", "ally"))
    assert wicketgate("audit", "verify-proof", str(proof), "--key", key).returncode == FINDINGS


def test_a_log_whose_writers_are_killed_again_and_again_stays_provable(tmp_path: Path) -> None:
    log, chance = tmp_path / "audit", random.Random(9162)
    for _ in range(LIVES):
        with subprocess.Popen(
            [sys.executable, "-c", VICTIM, str(log)], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as victim:
            assert victim.stdout is not None
            assert victim.stdout.readline() == "ready\n"
            until((log / FOLDER / CHECKPOINT).exists, "nothing was ever signed")
            _let_it_write(log, chance.randrange(200))
            os.kill(victim.pid, signal.SIGKILL)

        report = verify(log)
        assert [str(each) for each in report.in_order()] == []
        assert report.signed > 0

    outcomes = [each["outcome"] for each in records(log) if each["event"] == "proof"]
    assert outcomes[0] == "began"
    assert set(outcomes[1:]) <= {"sound", "repaired"}
    assert len(outcomes) == LIVES


def _let_it_write(log: Path, more: int) -> None:
    """Wait for some more records."""
    sizes = [path.stat().st_size for path in log.glob("*.jsonl*")]
    wanted = sum(sizes) + more * 100
    until(
        lambda: (
            sum(path.stat().st_size for path in log.glob("*.jsonl*") if path.exists()) >= wanted
            or len(list(log.glob("*.jsonl*"))) > len(sizes)
        ),
        "nothing was written",
    )


def wicketgate(*arguments: str) -> subprocess.CompletedProcess[str]:
    """The installed command."""
    command = [str(Path(sys.executable).with_name("wicketgate")), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True)


def _proves(decision: str, log: Path, proof: Path) -> bool:
    return wicketgate("audit", "prove", decision, "--log", str(log), "--out", str(proof)).returncode == OK
