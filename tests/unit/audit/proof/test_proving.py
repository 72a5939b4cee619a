from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.handover import announcements
from gateway.audit.proof.proving import FORMAT, NotProvable, check, prove
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash
from tests.unit.audit.proof.proved import OTHER, decision, store_of, write, write_on_another_day

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.proof.notes import VerifierKey
    from tests.unit.audit.proof.proved import Clock

ID = str(decision(2)["id"])


def first_key(directory: Path) -> VerifierKey:
    return announcements(store_of(directory))[0].key


@pytest.fixture
def proof(directory: Path) -> str:
    write(directory, 300)
    return prove(directory, ID)


def test_one_file_and_one_key_prove_a_record(proof: str, directory: Path) -> None:
    proven = check(proof, first_key(directory))

    assert [each["id"] for each in proven.records] == [ID]
    assert (proven.size, proven.origin) == (302, first_key(directory).name)
    assert proven.lines[0].encode() + b"\n" in segments(directory)[0].read_bytes()
    assert first_key(directory) == proven.keys[0]


def test_every_record_of_a_decision_is_proved(directory: Path) -> None:
    write(directory, 5)
    write(directory, 5)

    assert len(check(prove(directory, ID)).records) == 2


def test_a_proof_needs_nothing_of_the_log(proof: str, directory: Path) -> None:
    key = first_key(directory)
    for path in (directory / FOLDER).rglob("*"):
        if path.is_file():
            path.unlink()

    assert len(check(proof, key).records) == 1


def test_the_first_key_proves_what_a_later_one_signed(directory: Path, clock: Clock) -> None:
    write(directory, 3, clock=clock)
    for _ in range(2):
        write_on_another_day(directory, 3, clock)
    proof, keys = prove(directory, ID), [each.key for each in announcements(store_of(directory))]

    assert len(keys) == 3
    for key in keys:
        assert check(proof, key).size > 0


def test_a_stranger_s_key_proves_nothing(proof: str) -> None:
    with pytest.raises(NotProvable, match="no key that is known has signed it"):
        check(proof, OTHER.verifier)


@pytest.mark.parametrize("what", ["deny", "2026", "index 4", "302", '"seq\\\\":5'])
def test_a_proof_that_was_changed_anywhere_proves_nothing(what: str, proof: str, directory: Path) -> None:
    text = proof if what in proof else proof.replace("\\\\", "\\")
    what = what if what in text else what.replace("\\\\", "\\")
    changed = text.replace(what, what[:-1] + chr(ord(what[-1]) ^ 1), 1)
    assert changed != proof

    with pytest.raises(NotProvable):
        check(changed, first_key(directory))


def test_every_hash_of_a_proof_counts(proof: str, directory: Path) -> None:
    held = json.loads(proof)
    lines = held["records"][0]["proof"].split("\n")
    hashes = range(2, lines.index(""))
    assert len(hashes) >= 8

    for at in hashes:
        broken = [*lines[:at], lines[at][:5] + ("A" if lines[at][5] != "A" else "B") + lines[at][6:], *lines[at + 1 :]]
        held["records"][0]["proof"] = "\n".join(broken)
        with pytest.raises(NotProvable, match="record 5 is not in the log that was signed"):
            check(json.dumps(held), first_key(directory))


def test_what_is_left_of_a_removed_record_is_no_proof_of_it(proof: str, directory: Path) -> None:
    held = json.loads(proof)
    leaf = leaf_hash(held["records"][0]["line"].encode()).hex()
    held["records"][0]["line"] = f'{{"v":1,"seq":5,"pruned":"{leaf}"}}'

    with pytest.raises(NotProvable, match="record 5 is not in the log"):
        check(json.dumps(held), first_key(directory))


def test_what_is_no_proof_is_not_taken_for_one(proof: str) -> None:
    held = json.loads(proof)
    for text in ("", "{}", "[]", json.dumps({**held, "format": "other"}), json.dumps({**held, "records": []})):
        with pytest.raises(NotProvable, match=f"no proof of the format `{FORMAT}`"):
            check(text)
    held["records"][0]["proof"] = "something"
    with pytest.raises(NotProvable):
        check(json.dumps(held))


def test_a_record_that_is_not_there_cannot_be_proved(directory: Path) -> None:
    write(directory, 3)

    with pytest.raises(NotProvable, match=f"no record of the log has the id `{decision(77)['id']}`"):
        prove(directory, str(decision(77)["id"]))


def test_a_record_that_was_changed_cannot_be_proved(directory: Path) -> None:
    write(directory, 3)
    path = segments(directory)[0]
    path.write_bytes(path.read_bytes().replace(b"deny", b"ally"))

    with pytest.raises(NotProvable, match="record 5 is not what was signed, `audit verify` tells more"):
        prove(directory, ID)


def test_a_record_waits_for_its_checkpoint(directory: Path) -> None:
    write(directory, 1)
    notes = store_of(directory).notes(HISTORY)
    write(directory, 3)
    store_of(directory).publish(notes[0])

    with pytest.raises(NotProvable, match="no checkpoint covers these records yet"):
        prove(directory, ID)


def test_a_log_without_a_proof_proves_nothing(directory: Path) -> None:
    write(directory, 3)
    (directory / FOLDER / CHECKPOINT).unlink()

    with pytest.raises(NotProvable, match="this log is not proved"):
        prove(directory, ID)


def test_a_checkpoint_that_nobody_signed_proves_nothing(directory: Path) -> None:
    write(directory, 3)
    store = store_of(directory)
    (note,) = store.notes(CHECKPOINT)
    store.publish(note.replace("\n5\n", "\n6\n", 1))

    with pytest.raises(NotProvable, match="the newest checkpoint is not believed: "):
        prove(directory, ID)


def test_without_the_files_of_the_tree_it_is_said_which_is_missing(directory: Path) -> None:
    write(directory, 3)
    for path in (directory / FOLDER / "tile").rglob("*"):
        if path.is_file():
            path.unlink()

    with pytest.raises(NotProvable, match=r"tile/0/.* is missing, `audit verify` tells more"):
        prove(directory, ID)


def test_a_hash_that_is_none_is_no_proof(proof: str, directory: Path) -> None:
    held = json.loads(proof)
    lines = held["records"][0]["proof"].split("\n")
    held["records"][0]["proof"] = "\n".join([*lines[:2], "no base64!", *lines[3:]])

    with pytest.raises(NotProvable, match="record 5 is not in the log that was signed"):
        check(json.dumps(held), first_key(directory))
