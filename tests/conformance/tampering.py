"""What may be done to a log behind the gateway's back, at every place where it can be done, and what a check says.

`python -m tests.conformance.tampering` writes `docs/reference/tampering.md`; a test holds that it is current.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.anchors import FileAnchor
from gateway.audit.proof.reading import leaf_of, seq_in
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY
from gateway.audit.proof.tiles import Edge
from gateway.audit.proof.verifying import verify
from gateway.audit.writing.segments import segments
from tests.unit.audit.proof.proved import store_of, write, writing

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

PAGE: Final = Path(__file__).parents[2] / "docs" / "reference" / "tampering.md"
RUNS: Final = 3
RECORDS: Final = 7

HEAD: Final = """# Tampering

What somebody with write access to the state folder might do to the audit log, at every place of a small log of several
segments that was signed three times, and what `wicketgate audit verify` says. "Named" means that the first finding is
about the record that it was done to, with its file and line.

This page is made by doing all of it: `python -m tests.conformance.tampering`.

| what was done | places | found | named |
|---|---:|---:|---:|
"""
TAIL: Final = """
The end of a log can be cut off together with the checkpoints over it: what is left is a sound older log, and nothing
in it can tell. An anchor can ([prove the audit log](../how-to/prove-the-audit-log.md)).
"""


@dataclass(frozen=True, slots=True)
class Spot:
    """A line of a log: its segment, its index there, and the number of its record."""

    file: str
    index: int
    seq: int


@dataclass(frozen=True, slots=True)
class Tampering:
    """Something that is done to a copy of a log at a spot, if it can be done there; `named` is the record to tell."""

    title: str
    act: Callable[[Path, Spot], bool]
    anchored: bool = False
    named: Callable[[Spot], int] = lambda spot: spot.seq


@dataclass(frozen=True, slots=True)
class Outcome:
    """How often a tampering was tried, found, and named rightly."""

    tampering: Tampering
    places: int
    found: int
    named: int


def make_log(folder: Path) -> Path:
    """A log of several segments that was signed and anchored after each of three runs."""
    directory = folder / "audit"
    for run in range(RUNS):
        write(directory, RECORDS, first=run * RECORDS, segment_size=900)
    with writing(directory, anchors=[FileAnchor(folder / "anchor")]):
        pass
    return directory


def spots(directory: Path) -> list[Spot]:
    """Every line of a log."""
    return [
        Spot(path.name, index, seq_in(line) or 0)
        for path in segments(directory)
        for index, line in enumerate(_lines(path))
    ]


def try_everywhere(original: Path, tampering: Tampering) -> Outcome:
    """Do it to a fresh copy at every spot of a log, and look what is found."""
    places = found = named = 0
    for spot in spots(original):
        with tempfile.TemporaryDirectory() as folder:
            copy = Path(shutil.copytree(original, Path(folder) / "audit"))
            if not tampering.act(copy, spot):
                continue
            anchors = [original.parent / "anchor"] if tampering.anchored else []
            findings = verify(copy, anchors=anchors).in_order()
        places += 1
        found += bool(findings)
        named += bool(findings) and findings[0].seq == tampering.named(spot)
    return Outcome(tampering, places, found, named)


def page(outcomes: Iterator[Outcome]) -> str:
    """The whole page."""
    rows = [f"| {each.tampering.title} | {each.places} | {each.found} | {each.named} |\n" for each in outcomes]
    return HEAD + "".join(rows) + TAIL


def _lines(path: Path) -> list[bytes]:
    return path.read_bytes().splitlines(keepends=True)


def _on_lines(change: Callable[[list[bytes], int], bool]) -> Callable[[Path, Spot], bool]:
    def act(directory: Path, spot: Spot) -> bool:
        path = directory / spot.file
        lines = _lines(path)
        done = change(lines, spot.index)
        path.write_bytes(b"".join(lines))
        return done

    return act


def _edit(lines: list[bytes], at: int) -> bool:
    middle = len(lines[at]) // 2
    lines[at] = lines[at][:middle] + bytes([lines[at][middle] ^ 1]) + lines[at][middle + 1 :]
    return True


def _renumber(lines: list[bytes], at: int) -> bool:
    lines[at] = lines[at].replace(b'"seq":', b'"seq":9', 1)
    return True


def _delete(lines: list[bytes], at: int) -> bool:
    del lines[at]
    return True


def _duplicate(lines: list[bytes], at: int) -> bool:
    lines.insert(at, lines[at])
    return True


def _swap(lines: list[bytes], at: int) -> bool:
    if at + 1 == len(lines):
        return False
    lines[at], lines[at + 1] = lines[at + 1], lines[at]
    return True


def _forge(lines: list[bytes], at: int) -> bool:
    lines.insert(at, lines[at].replace(b'"event":"', b'"event":"forged-', 1))
    return True


def _insert_rubbish(lines: list[bytes], at: int) -> bool:
    lines.insert(at, b"{}\n")
    return True


def _join(lines: list[bytes], at: int) -> bool:
    lines[at] = lines[at][:-1] + b" "
    return True


def _prune(lines: list[bytes], at: int) -> bool:
    lines[at] = b'{"v":1,"seq":%d,"pruned":"%b"}\n' % (seq_in(lines[at]) or 0, leaf_of(lines[at]).hex().encode())
    return True


def _delete_and_renumber(directory: Path, spot: Spot) -> bool:
    """As if the record had never been: all that follow move up by one."""
    for path in segments(directory):
        lines = _lines(path)
        if path.name == spot.file:
            del lines[spot.index]
        moved = [
            line.replace(b'"seq":%d,' % seq, b'"seq":%d,' % (seq - 1), 1)
            if (seq := seq_in(line) or 0) > spot.seq
            else line
            for line in lines
        ]
        path.write_bytes(b"".join(moved))
    return True


def _cut(directory: Path, spot: Spot) -> bool:
    """Everything from the spot on is gone; the checkpoints stay."""
    for path in segments(directory):
        path.write_bytes(b"".join(line for line in _lines(path) if (seq_in(line) or 0) < spot.seq))
    return True


def _cut_with_checkpoints(directory: Path, spot: Spot) -> bool:
    """The log as it was before: the checkpoints over what is gone are gone with it."""
    store = store_of(directory)
    older = [note for note in store.notes(HISTORY) if int(note.split("\n")[1]) < spot.seq]
    if not older:
        return False
    (directory / FOLDER / HISTORY).write_text("".join(older), encoding="utf-8")
    (directory / FOLDER / CHECKPOINT).write_text(older[-1], encoding="utf-8")
    return _cut(directory, spot)


def _edit_with_tree(directory: Path, spot: Spot) -> bool:
    """A record is changed, and the whole tree computed anew."""
    _on_lines(_edit)(directory, spot)
    edge, store = Edge(), store_of(directory)
    for path in segments(directory):
        for tile, hashes in edge.extend(map(leaf_of, _lines(path))):
            store.write(tile, hashes)
    for tile, hashes in edge.partial():
        store.write(tile, hashes)
    return True


def _remove_segment(directory: Path, spot: Spot) -> bool:
    if spot.index:
        return False
    (directory / spot.file).unlink()
    return True


def _signed_before(spot: Spot) -> int:
    """The first record behind the last checkpoint before a spot: each run begins with a record about the proof."""
    runs = [1, RECORDS + 3, 2 * RECORDS + 4, 3 * RECORDS + 5]
    return max(begin for begin in runs if begin <= spot.seq)


TAMPERINGS: Final = (
    Tampering("A byte of a record is changed", _on_lines(_edit)),
    Tampering("The number of a record is changed", _on_lines(_renumber)),
    Tampering("A record is deleted", _on_lines(_delete)),
    Tampering("A record is deleted, and all later ones renumbered", _delete_and_renumber),
    Tampering("A record is told twice", _on_lines(_duplicate)),
    Tampering("A record changes places with the next one", _on_lines(_swap)),
    Tampering("A forged record is put before a record", _on_lines(_forge)),
    Tampering("A line that is no record is put before a record", _on_lines(_insert_rubbish)),
    Tampering("The end of a line is taken away", _on_lines(_join)),
    Tampering("A record is replaced by its hash, as if its time were over", _on_lines(_prune)),
    Tampering("A segment is removed", _remove_segment),
    Tampering("The log is cut off before a record", _cut),
    Tampering("The log is cut off, its checkpoints too, and an anchor was kept", _cut_with_checkpoints, anchored=True),
    Tampering("The log is cut off, its checkpoints too, and there is no anchor", _cut_with_checkpoints),
    Tampering(
        "A record is changed, and the whole tree computed anew (named: the first record since a good checkpoint)",
        _edit_with_tree,
        named=_signed_before,
    ),
)
"""What is tried. All but one are found at every place; the one without an anchor at none."""


def main() -> int:
    """Do all of it, and write the page."""
    with tempfile.TemporaryDirectory() as folder:
        original = make_log(Path(folder))
        PAGE.write_text(page(try_everywhere(original, each) for each in TAMPERINGS), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
