from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.anchors import FileAnchor
from gateway.audit.proof.checkpoints import Checkpoint
from gateway.audit.proof.handover import announcements
from gateway.audit.proof.keychain import Announcement
from gateway.audit.proof.keys import KeyFolder
from gateway.audit.proof.notes import Note
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY, KEYS
from gateway.audit.proof.verifying import anchored_notes, verify
from gateway.audit.writing.segments import segments
from tests.unit.audit.logs import until
from tests.unit.audit.proof.proved import (
    KEY,
    OTHER,
    PLAIN,
    decision,
    findings,
    said,
    store_of,
    write,
    write_on_another_day,
    writing,
)

if TYPE_CHECKING:
    from pathlib import Path

    from tests.unit.audit.proof.proved import Clock


def put_back(directory: Path, count: int) -> None:
    """Bring a log back to its first `count` records, with the checkpoints of then."""
    store = store_of(directory)
    note = next(each for each in store.notes(HISTORY) if f"\n{count}\n" in each)
    (store.folder / HISTORY).write_text(note)
    store.publish(note)
    left = count
    for path in segments(directory):
        lines = path.read_bytes().splitlines(keepends=True)[:left]
        path.write_bytes(b"".join(lines))
        left -= len(lines)


def test_a_log_that_nobody_touched_is_sound(directory: Path) -> None:
    write(directory, 40, segment_size=700)

    report = verify(directory)

    assert (said(report), report.undecided) == ([], None)
    assert (report.records, report.last, report.signed) == (42, 42, 42)
    assert report.checkpoints >= 1
    assert report.notes == [
        "no anchor was given: an end cut off together with the checkpoints over it would not be seen",
        "no key was given: the first key of the log itself is believed",
    ]


def test_a_log_is_checked_while_it_is_written(directory: Path) -> None:
    with writing(directory) as log:
        log.append_durable(decision(0)).result()
        until((directory / FOLDER / CHECKPOINT).exists)
        for number in range(1, 30):
            log.append_durable(decision(number)).result()
            assert findings(directory) == []


def test_compressed_segments_are_checked_like_plain_ones(directory: Path) -> None:
    packing = replace(PLAIN, segment_size=2000, compress=True)
    with writing(directory, writer=packing) as log:
        for number in range(60):
            log.append_durable(decision(number)).result()
        until(lambda: any(path.suffix == ".zst" for path in segments(directory)))

    assert findings(directory) == []
    packed = next(path for path in segments(directory) if path.suffix == ".zst")
    packed.write_bytes(packed.read_bytes()[:-20])
    damaged = findings(directory)[0]
    assert damaged.startswith((packed.name, segments(directory)[1].name))
    assert "record 1:" in damaged


def test_records_whose_time_was_over_leave_a_log_that_is_sound(directory: Path, clock: Clock) -> None:
    keeping = replace(PLAIN, segment_size=1000, compress=True, retain={"deny": 60.0})
    with writing(directory, writer=keeping, clock=clock) as log:
        for number in range(20):
            log.append_durable(decision(number)).result()
    clock.now += 3600.0
    with writing(directory, writer=keeping, clock=clock) as log:
        log.append_durable(decision(99)).result()
        until(lambda: verify(directory).pruned > 10)

    assert findings(directory) == []


def test_a_cut_tail_is_seen_against_an_anchor_and_only_against_one(directory: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    write(directory, 3)
    with writing(directory, anchors=[FileAnchor(anchor)]) as log:
        log.append_durable(decision(9)).result()
    put_back(directory, 5)

    assert findings(directory) == []
    (found,) = findings(directory, anchor)
    assert found.startswith(
        f"{segments(directory)[-1].name}:5: record 6: the log ends here, and had 7 records ({anchor}:"
    )
    assert found.endswith("its end was cut off")


def test_a_log_that_was_written_anew_contradicts_its_anchor(directory: Path, tmp_path: Path) -> None:
    anchor = tmp_path / "anchor"
    with writing(directory, anchors=[FileAnchor(anchor)]) as log:
        for number in range(5):
            log.append_durable(decision(number)).result()
    note = json.loads(anchor.read_text().splitlines()[-1])["checkpoint"]
    forged = note.replace("\n7\n", "\n6\n")
    (tmp_path / "forged").write_text(forged)

    assert findings(directory, anchor) == []
    assert "does not fit the text" in findings(directory, tmp_path / "forged")[0]


@pytest.mark.parametrize("prefix", ["", "Nov 23 10:00:00 host wicketgate[1]: "])
def test_checkpoints_are_found_in_lines_of_others_too(prefix: str, tmp_path: Path) -> None:
    note = str(Note.sign(Checkpoint("wicketgate/1f", 1, bytes(32)).text, [KEY]))
    path = tmp_path / "anchor"
    path.write_text(f"{prefix}{json.dumps({'time': 'x', 'checkpoint': note}, separators=(',', ':'))}\nsomething else\n")

    assert list(anchored_notes(path)) == [(f"{path}:1", note)]


def test_an_anchor_may_be_a_copy_of_a_checkpoint(directory: Path, tmp_path: Path) -> None:
    write(directory, 3)
    copy = tmp_path / "copy"
    copy.write_text(store_of(directory).notes(CHECKPOINT)[0])

    report = verify(directory, anchors=[copy])

    assert (said(report), report.anchored) == ([], 1)


def test_checkpoints_of_other_logs_are_passed_over(directory: Path, tmp_path: Path) -> None:
    write(directory, 3)
    write(tmp_path / "other", 3)

    both = tmp_path / "both"
    both.write_text("".join(note for log in (directory, tmp_path / "other") for note in store_of(log).notes(HISTORY)))

    report = verify(directory, anchors=[both])

    assert (said(report), report.anchored) == ([], 1)
    assert any("1 checkpoints of other logs" in each for each in report.notes)


@pytest.mark.parametrize("text", ["", "rubbish\n"])
def test_an_anchor_that_holds_nothing_is_no_anchor(text: str, directory: Path, tmp_path: Path) -> None:
    write(directory, 3)
    (tmp_path / "anchor").write_text(text)

    assert findings(directory, tmp_path / "anchor")[-1] == (
        f"{tmp_path / 'anchor'}: this anchor holds no checkpoint of this log that is believed"
    )


def test_a_trusted_key_of_any_day_is_enough(directory: Path, clock: Clock) -> None:
    write(directory, 3, clock=clock)
    write_on_another_day(directory, 3, clock)
    keys = [each.key for each in announcements(store_of(directory))]

    assert len(keys) == 2
    for key in keys:
        report = verify(directory, key=key)
        assert (said(report), report.undecided) == ([], None)


def test_a_key_of_another_log_decides_nothing(directory: Path) -> None:
    write(directory, 3)

    assert verify(directory, key=OTHER.verifier).undecided == f"`{OTHER.verifier}` is no key of this log"


def test_a_log_that_was_never_proved_decides_nothing(directory: Path) -> None:
    directory.mkdir()

    assert "it was never proved" in str(verify(directory).undecided)


def test_a_log_without_checkpoints_decides_nothing(directory: Path) -> None:
    write(directory, 3)
    for name in (HISTORY, CHECKPOINT):
        (directory / FOLDER / name).unlink()

    assert verify(directory).undecided == "there is no checkpoint that a key of this log has signed"


def test_a_key_that_was_slipped_in_is_not_believed(directory: Path) -> None:
    write(directory, 3)
    store = store_of(directory)
    name = announcements(store)[0].origin
    intruder = replace(OTHER, name=name)
    store.remember(KEYS, str(Announcement.make("2026-11-24", intruder, intruder).note))
    store.publish(str(Note.sign(Checkpoint(name, 3, bytes(32)).text, [intruder])))

    assert findings(directory) == [
        "proof/keys, note 2: the key of 2026-11-24 is not vouched for by the one before it; no later key is believed",
        "proof/checkpoint, note 1: this checkpoint is not believed: no key that is known has signed it",
    ]


def test_checkpoints_that_shrink_are_told(directory: Path) -> None:
    write(directory, 3)
    write(directory, 3, first=3)
    store = store_of(directory)
    notes = store.notes(HISTORY)
    (store.folder / HISTORY).write_text("".join(reversed(notes)))

    assert any("5 records were signed after 9" in each for each in findings(directory))


def test_records_behind_the_last_checkpoint_are_told_of(directory: Path) -> None:
    write(directory, 3)
    path = segments(directory)[-1]
    path.write_bytes(path.read_bytes() + b'{"v":1,"seq":6,"time":"x","event":"stop"}\n')

    report = verify(directory)

    assert said(report) == []
    assert "records 6 to 6 are not covered by a checkpoint yet" in report.notes


def test_a_key_that_did_not_sign_the_newest_checkpoint_nor_vouched_for_who_did_does_not_prove_it(
    directory: Path, clock: Clock
) -> None:
    write(directory, 3, clock=clock)
    store = store_of(directory)
    first = store.notes(HISTORY)[-1]
    write_on_another_day(directory, 3, clock)
    (store.folder / HISTORY).write_text(first)
    store.publish(first)

    report = verify(directory, key=announcements(store)[-1].key)

    assert "the newest checkpoint is signed by no key that the trusted one vouches for" in " ".join(said(report))


def test_a_checkpoint_of_another_log_is_not_believed_though_the_key_is_right(directory: Path) -> None:
    write(directory, 3)
    store = store_of(directory)
    held = KeyFolder(store.folder).signing()
    assert held is not None
    store.publish(str(Note.sign(Checkpoint("wicketgate/ff", 3, bytes(32)).text, [held.key])))

    assert findings(directory) == ["proof/checkpoint, note 1: this checkpoint is of another log, `wicketgate/ff`"]
