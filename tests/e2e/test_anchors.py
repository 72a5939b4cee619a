"""Checkpoints kept by a real rsyslogd and a real web application, which are killed; and a log that is cut back."""

from __future__ import annotations

import json
import os
import shutil
import time
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from gateway.audit.export.anchors import RemoteAnchor
from gateway.audit.export.rules import Anchorage
from gateway.audit.proof.notary import Notary, NotaryOptions
from gateway.audit.proof.verifying import anchored_notes, verify
from gateway.audit.reading.reader import records
from gateway.audit.writing.writer import AuditWriter, WriterOptions
from gateway.cli.outcome import FINDINGS, OK
from tests.e2e.certificates import authority
from tests.e2e.commands import until
from tests.e2e.exported import a_record, target
from tests.e2e.gateway import CLOSING, gateway
from tests.e2e.receivers import rsyslog, web
from tests.e2e.test_proof import POLICY, wicketgate

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from gateway.audit.records.record import Record
    from tests.e2e.receivers import Receiver

pytestmark = pytest.mark.e2e

OFTEN = NotaryOptions(checkpoint=0.01, remember=0.05)


@dataclass(slots=True)
class Log:
    """A log that is written, and proved with anchors."""

    writer: AuditWriter
    notary: Notary

    def write(self, count: int) -> int:
        """Append so many records, down to the disk; the number of the last one."""
        return [self.writer.append_durable(a_record()) for _ in range(count)][-1].result(10)

    def has(self, kind: str, size: int) -> bool:
        """Whether an anchor has the checkpoint of so many records."""
        return any((each.size or 0) >= size for each in self.notary.standings if each.name.startswith(kind))

    def fails(self, kind: str) -> bool:
        """Whether it does not take any."""
        return any(each.is_failing for each in self.notary.standings if each.name.startswith(kind))


def anchors(syslog: Receiver, application: Receiver, trust: Path | None = None) -> list[RemoteAnchor]:
    """The two receivers."""
    scheme = "tcp" if trust is None else "tls"
    where = (
        Anchorage(kind="syslog", target=target(f"{scheme}://127.0.0.1:{syslog.port}"), trust=trust),
        Anchorage(kind="webhook", target=target(f"http://127.0.0.1:{application.port}/anchor")),
    )
    return [RemoteAnchor(at=each, host="gw", environ=os.environ, clock=time.time) for each in where]


@contextmanager
def writing(folder: Path, kept: list[RemoteAnchor]) -> Iterator[Log]:
    """Write a log in this block."""
    notary = Notary(OFTEN, anchors=kept)
    writer = AuditWriter(folder, WriterOptions(), witness=notary)
    writer.start()
    try:
        yield Log(writer, notary)
    finally:
        writer.close()


def files(syslog: Receiver, application: Receiver) -> list[Path]:
    """What the receivers wrote down."""
    return [syslog.folder / "taken", application.folder / "anchor"]


def told(log: Path) -> list[Record]:
    """What the log says of anchors."""
    return [each for each in records(log) if each["event"] == "anchor"]


@pytest.mark.parametrize("killed", ["syslog", "webhook"])
def test_a_receiver_that_is_killed_holds_up_nothing_is_recorded_and_gets_the_newest_when_it_is_back(
    killed: str, tmp_path: Path
) -> None:
    log = tmp_path / "audit"
    with rsyslog(tmp_path / "rsyslog") as syslog, web(tmp_path / "web") as application:
        victim, other = (syslog, "webhook") if killed == "syslog" else (application, "syslog")
        with writing(log, anchors(syslog, application)) as running:
            first = running.write(20)
            until(lambda: running.has(killed, first) and running.has(other, first), "the first was never kept")
            victim.kill()
            second = running.write(200)
            until(lambda: running.fails(killed) and running.has(other, second), "the failure was never seen")
            third = running.write(200)
            victim.start()
            until(lambda: running.has(killed, third) and not running.fails(killed), "it was never kept again")
            until(lambda: len(told(log)) == 2, "it was never recorded")
            last = running.write(5)
        assert verify(log, anchors=files(syslog, application)).in_order() == []
        sizes = [[int(note.split("\n")[1]) for _, note in anchored_notes(each)] for each in files(syslog, application)]

    failed, mended = told(log)
    assert (failed["outcome"], mended["outcome"]) == ("failed", "mended")
    assert {str(each["anchor"]).partition(" ")[0] for each in (failed, mended)} == {killed}
    assert failed["size"] is not None
    for each in sizes:
        assert each == sorted(each)
        assert each[-1] >= last


def test_over_tls_a_server_that_cannot_prove_who_it_is_gets_no_checkpoint(tmp_path: Path) -> None:
    root, stranger = authority(), authority()
    for name, signer in (("root", root), ("stranger", stranger)):
        (tmp_path / f"{name}.pem").write_bytes(signer.pem)
    with rsyslog(tmp_path / "rsyslog", signer=root) as syslog, web(tmp_path / "web") as application:
        with writing(tmp_path / "one", anchors(syslog, application, tmp_path / "stranger.pem")[:1]) as running:
            running.write(1)
            until(lambda: running.fails("syslog"), "it was trusted")
            (failing,) = running.notary.standings
        assert syslog.lines() == []
        with writing(tmp_path / "two", anchors(syslog, application, tmp_path / "root.pem")[:1]) as running:
            last = running.write(1)
            until(lambda: running.has("syslog", last), "it was never kept")
        assert verify(tmp_path / "two", anchors=[syslog.folder / "taken"]).in_order() == []

    assert failing.why is not None
    assert "its certificate is not trusted" in failing.why


def test_a_log_that_is_cut_back_with_its_checkpoints_contradicts_what_receivers_keep(tmp_path: Path) -> None:
    log, before = tmp_path / "audit", tmp_path / "before"
    with rsyslog(tmp_path / "rsyslog") as syslog, web(tmp_path / "web") as application:
        kept = anchors(syslog, application)
        with writing(log, kept) as running:
            running.write(30)
        shutil.copytree(log, before)
        held = verify(before).last
        with writing(log, kept) as running:
            last = running.write(30)
            until(lambda: running.has("syslog", last) and running.has("webhook", last), "it was never kept")

        for anchor in files(syslog, application):
            report = verify(before, anchors=[anchor])
            (finding,) = report.findings
            assert finding.seq == held + 1
            assert finding.place.line == held
            assert f"the log ends here, and had {verify(log).signed} records ({anchor}:" in finding.what
    assert verify(before).findings == []


def test_a_gateway_keeps_its_checkpoints_where_it_was_told_to(tmp_path: Path) -> None:
    root = authority()
    (tmp_path / "ca.pem").write_bytes(root.pem)
    (tmp_path / "secret").write_text("a secret of more than sixteen bytes")
    with rsyslog(tmp_path / "rsyslog", signer=root) as syslog, web(tmp_path / "web") as application:
        kept = [
            {"syslog": f"tls://127.0.0.1:{syslog.port}", "trust": "ca.pem"},
            {"webhook": f"http://127.0.0.1:{application.port}/anchor", "secret": {"file": "secret"}},
            {"syslog": "tcp://127.0.0.1:1"},
        ]
        with gateway(tmp_path, forward=POLICY, settings={"proof": {"anchors": kept}}) as running:
            with running.through() as wire:
                wire.ask(b"GET http://closed.example/ HTTP/1.1\r\nHost: closed.example\r\n" + CLOSING + b"\r\n")
            dead = running.wait_for(lambda each: each["event"] == "anchor")
        found = files(syslog, application)
        log, options = str(tmp_path / "state" / "audit"), [word for each in found for word in ("--anchor", str(each))]
        whole = wicketgate("audit", "verify", log, *options, "--format", "json")

    assert (dead["outcome"], dead["anchor"]) == ("failed", "syslog tcp://127.0.0.1:1")
    assert dead["detail"] == "`tcp://127.0.0.1:1`: connection refused"
    assert whole.returncode == OK, whole.stdout
    data = json.loads(whole.stdout)
    assert data["checkpoints"]["anchored"] >= 2
    assert any("anchor `syslog tcp://127.0.0.1:1` has no checkpoint yet, and fails" in each for each in data["notes"])
    segment = next((tmp_path / "state" / "audit").glob("*.jsonl"))
    segment.write_bytes(b"".join(segment.read_bytes().splitlines(keepends=True)[:2]))
    assert wicketgate("audit", "verify", log, *options).returncode == FINDINGS
