from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.handover import announcements
from gateway.audit.proof.keychain import Keychain
from gateway.audit.proof.resuming import NOTHING, Resumed, newest_checkpoint, resume
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash
from tests.unit.audit.proof.proved import findings, lines_in, store_of, write
from tests.unit.audit.proof.trees import mth

if TYPE_CHECKING:
    from pathlib import Path


def resumed(directory: Path) -> Resumed:
    store = store_of(directory)
    return resume(directory, store, Keychain.of(announcements(store)))


def root_over(directory: Path) -> bytes:
    return mth([leaf_hash(line[:-1]) for line in lines_in(directory)])


def replace_line(directory: Path, number: int, line: bytes) -> None:
    """Put another line in the place of one of the newest segment."""
    path = segments(directory)[-1]
    lines = path.read_bytes().splitlines(keepends=True)
    lines[number - 1] = line
    path.write_bytes(b"".join(lines))


def remove_tiles(directory: Path) -> None:
    for path in (directory / FOLDER / "tile").rglob("*"):
        if path.is_file():
            path.unlink()


def test_the_tree_goes_on_behind_the_newest_checkpoint(directory: Path) -> None:
    write(directory, 300)

    found = resumed(directory)

    assert (found.outcome, found.problems) == ("sound", [])
    assert (found.edge.size, found.edge.root()) == (302, root_over(directory))
    assert found.signed is not None
    assert found.signed.size == 302


def test_records_that_no_checkpoint_covers_are_taken_into_the_tree(directory: Path) -> None:
    write(directory, 3)
    write(directory, 300, first=3)
    store = store_of(directory)
    (store.folder / CHECKPOINT).unlink()
    first = next(note for note in store.notes(HISTORY) if "\n5\n" in note)
    (store.folder / HISTORY).write_text(first)

    found = resumed(directory)

    assert found.outcome == "sound"
    assert found.signed is not None
    assert found.signed.size == 5
    assert (found.edge.size, found.edge.root()) == (306, root_over(directory))


def test_a_log_that_was_never_proved_is_proved_from_its_first_record_on(directory: Path) -> None:
    write(directory, 3)
    for name in (CHECKPOINT, HISTORY):
        (directory / FOLDER / name).unlink()
    remove_tiles(directory)

    found = resumed(directory)

    assert (found.outcome, found.signed) == ("began", None)
    assert found.edge.root() == root_over(directory)


def test_tiles_that_a_crash_took_are_made_again(directory: Path) -> None:
    write(directory, 300)
    remove_tiles(directory)

    found = resumed(directory)

    assert found.outcome == "repaired"
    assert found.problems == ["files of the tree were damaged, and were made again from the records"]
    assert found.edge.root() == root_over(directory)
    assert findings(directory) == []


def test_a_changed_record_of_the_newest_segment_is_told_and_the_tree_keeps_what_was_signed(directory: Path) -> None:
    write(directory, 3)
    before = root_over(directory)
    name = segments(directory)[-1].name
    replace_line(directory, 4, lines_in(directory)[3].replace(b"deny", b"ally"))

    found = resumed(directory)

    assert (found.outcome, found.problems) == ("tampered", [f"{name}:4: record 4 is not what was signed"])
    assert found.edge.root() == before


def test_numbers_of_records_that_were_signed_and_are_gone_stay_taken(directory: Path) -> None:
    write(directory, 3)
    path = segments(directory)[-1]
    path.write_bytes(b"".join(lines_in(directory)[:3]))

    found = resumed(directory)

    assert found.problems == ["records 4 to 5 were signed and are gone, their numbers stay taken"]
    assert found.edge.size == 5
    write(directory, 1, first=9)
    assert [line[:16] for line in lines_in(directory)[3:5]] == [b'{"v":1,"seq":6,"', b'{"v":1,"seq":7,"']


def test_a_segment_that_was_begun_and_holds_nothing_yet_is_no_loss(directory: Path) -> None:
    write(directory, 3)
    (directory / "7ZZZZZZZZZZZZZZZZZZZZZZZZZ.jsonl").touch()

    found = resumed(directory)

    assert (found.outcome, found.problems, found.edge.size) == ("sound", [], 5)


@pytest.mark.parametrize("kept", [2, 5])
def test_records_and_tree_changed_together_are_told(kept: int, directory: Path) -> None:
    write(directory, 3)
    remove_tiles(directory)
    lines = [*lines_in(directory)[: kept - 1], b'{"v":1,"seq":%d,"forged":1}\n' % kept]
    segments(directory)[-1].write_bytes(b"".join(lines))

    found = resumed(directory)

    assert found.outcome == "tampered"
    assert found.problems[0] == "the records up to 5 and the files of the tree both differ from the checkpoint"
    assert found.edge.size == 5
    assert store_of(directory).read(found.edge.partial()[0][0])


def test_a_number_without_a_record_has_a_leaf_that_says_so(directory: Path) -> None:
    write(directory, 3)
    for name in (CHECKPOINT, HISTORY):
        (directory / FOLDER / name).unlink()
    lines = lines_in(directory)
    segments(directory)[-1].write_bytes(b"".join([*lines[:2], *lines[3:]]))

    hashes = [leaf_hash(line[:-1]) for line in lines]
    assert resumed(directory).edge.root() == mth([*hashes[:2], NOTHING, *hashes[3:]])


def test_a_checkpoint_that_nobody_signed_is_passed_over(directory: Path) -> None:
    write(directory, 3)
    store = store_of(directory)
    good = store.notes(CHECKPOINT)[0]
    store.publish(good.replace("\n5\n", "\n6\n"))
    keys = Keychain.of(announcements(store))

    newest = newest_checkpoint(store, keys)

    assert newest is not None
    assert newest.size == 5
    assert newest_checkpoint(store, Keychain(())) is None


def test_only_the_first_of_many_problems_are_told(directory: Path) -> None:
    write(directory, 20)
    path = segments(directory)[-1]
    path.write_bytes(path.read_bytes().replace(b"deny", b"ally"))

    assert len(resumed(directory).problems) == 5
