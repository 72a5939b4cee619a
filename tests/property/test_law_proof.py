"""The law of the proof: a log that was changed, in whatever ways and however often, is never found to be sound.

Every example takes a log that was written and proved, with an anchor elsewhere, and does things to its lines.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.audit.proof.anchors import FileAnchor, anchor_line
from gateway.audit.proof.reading import seq_in
from gateway.audit.proof.tiles import Edge
from gateway.audit.proof.tree import consistency_proof, inclusion_proof, is_consistent, root, root_of_inclusion
from gateway.audit.proof.verifying import anchored_notes, verify
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash
from tests.unit.audit.proof.proved import MONDAY, PLAIN, decision, writing
from tests.unit.audit.proof.trees import Shelf, leaves, mth

if TYPE_CHECKING:
    from collections.abc import Iterator

RECORDS: Final = 24
ODD: Final = (1, 2, 3, 5, 127, 128, 255, 256, 257, 258, 300, 511, 512, 513, 767, 1025)
"""Sizes at and beside powers of two and the ends of tiles."""

CHANGES: Final = st.lists(
    st.tuples(
        st.sampled_from(["drop", "double", "swap", "flip", "renumber", "prune", "forge", "cut", "blank"]),
        st.integers(0, RECORDS - 1),
        st.integers(0, 10_000),
    ),
    min_size=1,
    max_size=3,
)


@pytest.fixture(scope="module")
def proved() -> Iterator[Path]:
    """A folder with a log in several segments, and what an anchor has of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder)
        options = PLAIN.__class__(gather=0.0, sync_interval=0.0, compress=False, segment_size=1000)
        with writing(path / "audit", writer=options, anchors=[FileAnchor(path / "anchor")]) as log:
            for number in range(RECORDS):
                log.append_durable(decision(number)).result()
        assert verify(path / "audit", anchors=[path / "anchor"]).findings == []
        assert len(segments(path / "audit")) > 2
        yield path


def changed(lines: list[bytes], how: str, at: int, more: int) -> list[bytes]:
    """The lines of a log after somebody did this to line `at`."""
    if not lines:
        return lines
    at %= len(lines)
    here = lines[at]
    match how:
        case "drop":
            return lines[:at] + lines[at + 1 :]
        case "double":
            return lines[: at + 1] + lines[at:]
        case "swap":
            other = more % len(lines)
            new = list(lines)
            new[at], new[other] = new[other], new[at]
            return new
        case "flip":
            place = more % max(1, len(here) - 1)
            flipped = here[:place] + bytes([here[place] ^ 1]) + here[place + 1 :]
            return [*lines[:at], flipped, *lines[at + 1 :]]
        case "renumber":
            again = here.replace(b'"seq":%d,' % (seq_in(here) or 0), b'"seq":%d,' % (1 + more % 40), 1)
            return [*lines[:at], again, *lines[at + 1 :]]
        case "prune":
            hashed = leaf_hash(here[:-1]).hex().encode()
            pruned = b'{"v":1,"seq":%d,"pruned":"%b"}\n' % (seq_in(here) or 1, hashed)
            return [*lines[:at], pruned, *lines[at + 1 :]]
        case "forge":
            return [*lines[:at], here.replace(b'"deny"', b'"allow"'), *lines[at + 1 :]]
        case "cut":
            return lines[:at]
        case _:
            return [*lines[:at], b"\n", *lines[at:]]


@settings(max_examples=60)
@given(changes=CHANGES)
def test_a_log_that_was_changed_is_never_found_to_be_sound(proved: Path, changes: list[tuple[str, int, int]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "audit"
        shutil.copytree(proved / "audit", copy)
        files = {path: path.read_bytes().splitlines(keepends=True) for path in segments(copy)}
        before = [line for lines in files.values() for line in lines]
        after = before
        for how, at, more in changes:
            after = changed(after, how, at, more)
        first, *others = files
        first.write_bytes(b"".join(after))
        for path in others:
            path.write_bytes(b"")

        found = verify(copy, anchors=[proved / "anchor"]).in_order()

        assert bool(found) is (after != before), (changes, found)
        if found and found[0].seq:
            same = next((at for at, (old, new) in enumerate(zip(before, after, strict=False)) if old != new), None)
            touched = min(len(before), len(after)) if same is None else same
            assert found[0].seq <= touched + 2


@pytest.mark.parametrize("size", ODD)
def test_trees_of_odd_sizes_have_their_roots_and_proofs(size: int) -> None:
    hashes = leaves(size)
    shelf = Shelf(hashes)
    nodes = shelf.nodes(size)
    whole = mth(hashes)

    assert (shelf.edge.root(), root(size, nodes)) == (whole, whole)
    for at in {0, size - 1, size // 2, *(each - 1 for each in ODD if each <= size)}:
        proof = inclusion_proof(at, size, nodes)
        assert root_of_inclusion(at, size, hashes[at], proof) == whole
        assert root_of_inclusion(at, size, leaf_hash(b"another"), proof) != whole
        assert root_of_inclusion(at, size, hashes[at], [*proof, whole]) != whole
        if proof:
            assert root_of_inclusion(at, size, hashes[at], proof[:-1]) != whole


@pytest.mark.parametrize("size", ODD)
def test_a_tree_of_an_odd_size_is_read_back_and_grows_on(size: int) -> None:
    hashes = leaves(size + 300)
    shelf = Shelf(hashes[:size])
    again = Edge.read(size, shelf.tiles.__getitem__)
    old = again.root()
    for leaf in hashes[size:]:
        shelf.tiles |= dict([*again.append(leaf), *again.partial()])

    assert old == mth(hashes[:size])
    assert again.root() == mth(hashes)
    grown = shelf.nodes(size + 300)
    for newer in (size + 1, size + 255, size + 300):
        proof = consistency_proof(size, newer, grown)
        new = mth(hashes[:newer])
        assert is_consistent((size, old), (newer, new), proof)
        assert not is_consistent((size, new), (newer, old), proof)
        assert not is_consistent((size, old), (newer, new), [*proof, new])


TEXTS: Final = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=30).filter(
    lambda text: "{" not in text
)


@given(
    lines=st.lists(
        st.tuples(TEXTS, TEXTS.map(lambda text: f"gw/{text}\n7\nAAAA\n\n\N{EM DASH} gw AAAA\n"), TEXTS, st.booleans()),
        max_size=6,
    )
)
def test_what_an_anchor_keeps_is_found_wherever_it_stands_in_lines_of_others(
    lines: list[tuple[str, str, str, bool]],
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "messages"
        text = [
            f"{before} {anchor_line(note, MONDAY)}{behind}" if is_ours else f"{before} {json.dumps({'log': note})}"
            for before, note, behind, is_ours in lines
        ]
        file.write_text("".join(f"{each}\n" for each in text), encoding="utf-8")

        ours = [(f"{file}:{at}", note) for at, (_, note, _, is_ours) in enumerate(lines, 1) if is_ours]
        if ours:
            assert list(anchored_notes(file)) == ours
