from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.checkpoints import Checkpoint
from gateway.audit.proof.comparing import Comparison, Promise
from gateway.audit.proof.findings import Place, Report
from gateway.audit.proof.store import SignedLeaves
from tests.unit.audit.proof.proved import said
from tests.unit.audit.proof.trees import Shelf, digest, leaves, mth

if TYPE_CHECKING:
    from gateway.audit.proof.store import Store

SIZE = 600
SIGNED = leaves(SIZE)


def compare(
    store: Store, held: list[bytes | None], *, tiled: list[bytes] = SIGNED, sizes: tuple[int, ...] = (0, 100, 300, SIZE)
) -> list[str]:
    """What is found in a log that holds these leaves and tiles, under checkpoints over what was signed."""
    for tile, hashes in Shelf(tiled).tiles.items():
        store.write(tile, hashes)
    report = Report(last=len(held), signed=SIZE)
    promises = [Promise(Checkpoint("log", size, mth(SIGNED[:size])), f"note over {size}") for size in sizes]
    steps = [(seq, leaf, Place("a.jsonl", seq)) for seq, leaf in enumerate(held, 1)]
    Comparison(report, SignedLeaves(store, SIZE), promises).run(steps)
    return said(report)


def changed(*seqs: int) -> list[bytes]:
    """The signed leaves, but for these numbers."""
    return [digest(f"forged {seq}") if seq in seqs else leaf for seq, leaf in enumerate(SIGNED, 1)]


def test_a_log_that_is_what_was_signed_has_no_findings(store: Store) -> None:
    assert compare(store, [*SIGNED]) == []
    assert compare(store, [*SIGNED, digest("not signed yet")]) == []


@pytest.mark.parametrize("seq", [1, 100, 101, 256, 257, 300, SIZE])
def test_a_record_that_was_changed_is_named(seq: int, store: Store) -> None:
    assert compare(store, [*changed(seq)]) == [f"a.jsonl:{seq}: record {seq}: is not what was signed"]


def test_several_records_that_were_changed_are_all_named(store: Store) -> None:
    assert [each.split(":")[1] for each in compare(store, [*changed(3, 99, 250, 599)])] == ["3", "99", "250", "599"]


def test_a_record_that_is_missing_leaves_the_others_provable(store: Store) -> None:
    held: list[bytes | None] = [*changed(500)]
    held[7] = None

    assert compare(store, held) == ["a.jsonl:500: record 500: is not what was signed"]


def test_a_tile_that_was_changed_is_told_from_a_record_that_was(store: Store) -> None:
    assert compare(store, [*SIGNED], tiled=changed(257)) == [
        "proof/tile/0/001: record 257 (a.jsonl:257) is what was signed, this is not"
    ]


def test_a_record_and_its_tile_changed_together_are_placed_between_two_checkpoints(store: Store) -> None:
    found = compare(store, [*changed(250)], tiled=changed(250))

    what = "one of the records 101 to 300 or more are not what was signed (note over 300), and the tree was changed"
    assert found == [f"a.jsonl:101: record 101: {what}"]


def test_a_record_that_differs_from_a_tree_that_was_changed_is_told_with_it(store: Store) -> None:
    found = compare(store, [*changed(250, 260)], tiled=changed(250))

    assert "a.jsonl:260: record 260: differs from the tree, which is not what was signed either" in found
    assert any("one of the records 101 to 300" in each for each in found)


def test_a_tile_that_is_missing_is_told_and_the_records_prove_themselves(store: Store) -> None:
    for tile, hashes in Shelf(SIGNED).tiles.items():
        store.write(tile, hashes)
    (store.folder / "tile/0/001").unlink()
    report = Report(last=SIZE, signed=SIZE)
    steps = [(seq, leaf, Place("a", seq)) for seq, leaf in enumerate(SIGNED, 1)]

    Comparison(report, SignedLeaves(store, SIZE), [Promise(Checkpoint("log", SIZE, mth(SIGNED)), "n")]).run(steps)

    assert said(report) == ["proof/tile/0/001: this file of the tree is missing or too short"]


@pytest.mark.parametrize("end", [0, 1, 99, 100, 450, 599])
def test_a_log_that_ends_before_its_checkpoints_was_cut(end: int, store: Store) -> None:
    place = f"a.jsonl:{end}" if end else "the log"

    assert compare(store, [*SIGNED[:end]]) == [
        f"{place}: record {end + 1}: the log ends here, and had 600 records (note over 600): its end was cut off"
    ]


def test_two_different_logs_of_one_size_were_signed(store: Store) -> None:
    report = Report(last=SIZE, signed=SIZE)
    steps = [(seq, leaf, Place("a", seq)) for seq, leaf in enumerate(SIGNED, 1)]
    good, forged = mth(SIGNED), digest("another root")

    Comparison(
        report,
        SignedLeaves(store, 0),
        [Promise(Checkpoint("log", SIZE, good), "one"), Promise(Checkpoint("log", SIZE, forged), "other")],
    ).run(steps)

    assert said(report) == ["other: another log of 600 records was signed here"]
