from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

import addons
from addons.serving.exporting import anchors_of, exporters_of
from gateway.audit.export.rules import Anchorage, Export
from gateway.audit.export.targets import Target
from gateway.audit.writing.errors import AuditUnavailable
from gateway.config.settings import AuditSettings, ListenerSettings, ProofSettings, Settings
from gateway.policy.addresses import Address
from gateway.policy.model import Mode
from tests.unit.audit.export.logged import line, segment
from tests.unit.audit.logs import until

if TYPE_CHECKING:
    from gateway.audit.records.record import Record


def settings_of(state: Path, *exports: Export) -> Settings:
    """A configuration with these exporters."""
    listener = ListenerSettings(
        name="egress", mode=Mode.FORWARD, bind=(Address.parse("127.0.0.1"), 0), policy=Path("p.yaml")
    )
    return Settings(listeners=(listener,), state=state, audit=AuditSettings(exports=exports))


@pytest.mark.parametrize("is_refused", [False, True])
def test_what_will_never_be_sent_is_said_and_written_down(is_refused: bool, tmp_path: Path) -> None:  # noqa: FBT001 - a parameter
    said: list[str] = []
    written: list[Record] = []

    def append(record: Record) -> None:
        written.append(record)
        if is_refused:
            raise AuditUnavailable("the disk is full")

    (tmp_path / "audit-cursors").mkdir()
    cursor = '{"log":"01M7ZT36Z982BBPYWC8HGG68N9","seq":1,"segment":""}'
    (tmp_path / "audit-cursors" / "siem.json").write_text(cursor, encoding="ascii")
    segment(tmp_path / "audit", [line(5)])
    (tmp_path / "audit" / "log-id").write_text("01M7ZT36Z982BBPYWC8HGG68N9\n", encoding="ascii")
    export = Export(name="siem", kind="stdout")

    exporters = exporters_of(settings_of(tmp_path, export), append, said.append)
    exporters.start()
    until(lambda: bool(written), 20.0)
    exporters.close()

    detail = "exporter `siem`: up to 3 records before number 5 were gone before they were sent"
    assert said == [f"audit: {detail}"]
    assert [(each["event"], each["reason"], each["detail"]) for each in written] == [("gap", "not-exported", detail)]


def test_no_part_of_a_requests_life_knows_of_exporters() -> None:
    """So that a receiver, dead or slow, cannot cost a request anything: there is no way from one to the other."""
    root = Path(str(addons.__file__)).parent
    knowing = {path.name for path in root.rglob("*.py") if "audit.export" in path.read_text("utf-8")}
    using = {
        path.name for path in root.rglob("*.py") if re.search(r"\bexporters\b", path.read_text("utf-8")) is not None
    }

    assert knowing == {"exporting.py", "handing_on.py", "engine.py", "measuring.py", "supervisor.py"}
    assert using <= {"exporting.py", "handing_on.py", "engine.py", "measuring.py", "supervisor.py"}


def test_anchors_are_those_of_the_configuration_in_their_order(tmp_path: Path) -> None:
    at = Anchorage(kind="syslog", target=Target("tls", "logs.example", 6514))

    assert [each.name for each in anchors_of(ProofSettings(anchors=(tmp_path / "a", at)))] == [
        f"file {tmp_path}/a",
        "syslog tls://logs.example:6514",
    ]
