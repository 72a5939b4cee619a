from __future__ import annotations

import logging
import os
from dataclasses import dataclass, replace
from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.anchors import FileAnchor, NotKept
from gateway.audit.proof.checkpoints import Checkpoint
from gateway.audit.proof.keys import SIGNING
from gateway.audit.proof.notary import NotaryOptions
from gateway.audit.proof.notes import Note
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY
from gateway.audit.reading.reader import records
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.segments import open_segment
from gateway.audit.writing.witness import leaf_hash
from gateway.audit.writing.writer import AuditWriter
from tests.unit.audit.logs import until
from tests.unit.audit.proof.proved import (
    DAY,
    PLAIN,
    QUICK,
    Clock,
    decision,
    findings,
    handed_over,
    lines_in,
    store_of,
    write,
    write_on_another_day,
    writing,
)
from tests.unit.audit.proof.trees import mth

if TYPE_CHECKING:
    from pathlib import Path


def newest(directory: Path) -> Checkpoint:
    return Checkpoint.parse(Note.parse(store_of(directory).notes(CHECKPOINT)[0]).text)


def _is_signed(directory: Path, seq: int) -> bool:
    return (directory / FOLDER / CHECKPOINT).exists() and newest(directory).size == seq


def events(directory: Path) -> list[object]:
    return [each["event"] for each in records(directory)]


def test_a_log_that_is_closed_is_signed_to_its_end(directory: Path) -> None:
    write(directory, 300)

    checkpoint = newest(directory)

    assert checkpoint.size == 302
    assert checkpoint.root == mth([leaf_hash(line[:-1]) for line in lines_in(directory)])
    assert events(directory)[:3] == ["proof", "key", "decision"]
    assert findings(directory) == []


def test_a_log_that_is_written_is_signed_again_and_again(directory: Path) -> None:
    with writing(directory) as log:
        for number in range(3):
            seq = log.append_durable(decision(number)).result()
            until(partial(_is_signed, directory, seq))

    assert len(store_of(directory).notes(HISTORY)) >= 3
    assert findings(directory) == []


def test_a_start_says_that_the_log_is_what_was_signed(directory: Path) -> None:
    write(directory, 2)
    write(directory, 2, first=2)

    starts = [each for each in records(directory) if each["event"] == "proof"]

    assert [(each["outcome"], each["size"]) for each in starts] == [("began", 0), ("sound", 4)]


def test_a_new_key_takes_over_every_day_and_vouches_for_the_next(directory: Path, clock: Clock) -> None:
    write(directory, 3, clock=clock)
    for _ in range(3):
        write_on_another_day(directory, 3, clock)

    keys = [each for each in records(directory) if each["event"] == "key"]
    assert [each["day"] for each in keys] == ["2026-11-23", "2026-11-24", "2026-11-25", "2026-11-26"]
    assert findings(directory) == []


def test_a_day_that_changes_while_the_log_is_written_changes_the_key(directory: Path, clock: Clock) -> None:
    with writing(directory, clock=clock) as log:
        log.append_durable(decision(1)).result()
        clock.now += DAY
        until(lambda: handed_over(directory, clock))
        log.append_durable(decision(2)).result()

    assert findings(directory) == []


def test_silence_is_broken_by_signs_of_life(directory: Path) -> None:
    with writing(directory, options=replace(QUICK, heartbeat=0.02)):
        until(lambda: events(directory).count("heartbeat") >= 3)

    assert findings(directory) == []


def test_an_anchor_has_the_last_checkpoint_when_the_log_is_closed(directory: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    with writing(directory, anchors=[FileAnchor(anchor)]) as log:
        log.append_durable(decision(1)).result()

    assert f"\\n{newest(directory).size}\\n" in anchor.read_text().splitlines()[-1]
    assert findings(directory, anchor) == []


@dataclass
class Broken:
    """An anchor that takes nothing until it is mended."""

    name: str = "broken"
    mended: bool = False

    def keep(self, _line: str) -> None:
        if not self.mended:
            raise NotKept("it is broken")


def outcomes(directory: Path) -> list[object]:
    return [each["outcome"] for each in records(directory) if each["event"] == "anchor"]


def test_an_anchor_that_mends_as_the_log_is_closed_is_on_record_after_the_next_start(directory: Path) -> None:
    anchor = Broken()
    with writing(directory, options=replace(QUICK, remember=3600.0), anchors=[anchor]) as log:
        log.append_durable(decision(1)).result()
        until(lambda: outcomes(directory) == ["failed"])
        anchor.mended = True
    assert outcomes(directory) == ["failed"], "the log was closed before it was mended"

    for _ in range(2):
        with writing(directory, anchors=[anchor]) as log:
            log.append_durable(decision(2)).result()
            until(lambda: outcomes(directory) == ["failed", "mended"])
    assert findings(directory) == []


def test_what_was_written_again_after_a_failure_of_the_disk_is_in_the_tree_once(directory: Path) -> None:
    opened = count()

    def first_is_full(path: Path) -> int:
        """The first segment cannot be written."""
        return open_segment(path) if next(opened) else os.open("/dev/full", os.O_WRONLY)

    with writing(directory, opener=first_is_full) as log:
        until(lambda: log.healthy)
        log.append_durable(decision(1)).result()

    assert "gap" in events(directory)
    assert findings(directory) == []


def test_records_go_on_when_the_proof_cannot_be_written(directory: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING), writing(directory) as log:
        log.append_durable(decision(1)).result()
        until((directory / FOLDER / CHECKPOINT).exists)
        (directory / FOLDER).rename(directory / "away")
        log.append_durable(decision(2)).result()
        until(lambda: "tried again" in caplog.text)
        (directory / "away").rename(directory / FOLDER)
        until(lambda: "proved again" in caplog.text)

    assert findings(directory) == []


def test_proving_ends_with_a_record_when_too_much_waits_for_the_disk(directory: Path) -> None:
    options = NotaryOptions(checkpoint=0.002, remember=0.0, most_waiting=0)
    with writing(directory, options=options) as log:
        log.append_durable(decision(0)).result()
        until((directory / FOLDER / CHECKPOINT).exists)
        (directory / FOLDER).rename(directory / "away")
        for number in range(300):
            log.append(decision(number))
        until(lambda: log.waiting == 0 and b'"failed"' in b"".join(lines_in(directory)))
        (directory / "away").rename(directory / FOLDER)
    write(directory, 1)

    outcomes = [each["outcome"] for each in records(directory) if each["event"] == "proof"]
    assert outcomes == ["began", "failed", "sound"]
    assert findings(directory) == []


def test_a_key_that_others_can_read_keeps_the_gateway_from_starting(directory: Path) -> None:
    write(directory, 1)
    (directory / FOLDER / SIGNING).chmod(0o644)

    with pytest.raises(AuditUnavailable, match="others can read"), writing(directory):
        pass


def test_a_folder_that_cannot_be_written_is_told_at_the_start(directory: Path) -> None:
    directory.mkdir()
    (directory / FOLDER).write_text("in the way")

    with pytest.raises(AuditUnavailable, match=r"cannot write `.*proof`"), writing(directory):
        pass


def test_a_log_without_a_notary_has_no_proof(directory: Path) -> None:
    log = AuditWriter(directory, PLAIN)
    log.start()
    log.append_durable(decision(1)).result()
    log.close()

    assert not (directory / FOLDER).exists()
