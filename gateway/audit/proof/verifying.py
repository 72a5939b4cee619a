"""Is a log what was signed? Every record, every tile, every checkpoint and every anchor, compared with each other.

What this cannot see by itself: that the end of a log was cut off together with the checkpoints over it. Only a
checkpoint that is kept elsewhere, an anchor, contradicts that; the report says so if none was given.
"""

from __future__ import annotations

import json
from contextlib import suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.checkpoints import Checkpoint, Signed
from gateway.audit.proof.comparing import Comparison, Promise
from gateway.audit.proof.evidence import Evidence
from gateway.audit.proof.findings import Place, Report
from gateway.audit.proof.handover import announcements
from gateway.audit.proof.keychain import Announcement, Keychain
from gateway.audit.proof.notes import BadNote, Note, notes_in
from gateway.audit.proof.store import CHECKPOINT, FOLDER, HISTORY, KEYS, SignedLeaves, Store
from gateway.audit.proof.walking import Walk

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from gateway.audit.proof.notes import VerifierKey
    from gateway.audit.proof.walking import Step

_NO_ANCHOR: Final = "no anchor was given: an end cut off together with the checkpoints over it would not be seen"
_NO_KEY: Final = "no key was given: the first key of the log itself is believed"


def verify(directory: Path, *, key: VerifierKey | None = None, anchors: Sequence[Path] = ()) -> Report:
    """Check a log. `key` is one that is trusted, else the first one of the log is. Raises OSError.

    A log may be written meanwhile: what counts is the newest checkpoint at the beginning.
    """
    report, store = Report(), Store(directory / FOLDER)
    kept = [(path, list(anchored_notes(path))) for path in anchors]
    own = {name: store.notes(name) for name in (HISTORY, CHECKPOINT)}
    announced = announcements(store)  # after the checkpoints: a key is announced before it signs
    believed = _believed(report, announced, key)
    if believed is None:
        return report
    told = _Promises(report, believed)
    told.own(own)
    report.signed = max((each.checkpoint.size for each in told.found), default=-1)
    told.believe_newest(key)
    for path, notes in kept:
        told.anchored(path, notes)
    if not told.found:
        report.undecided = "there is no checkpoint that a key of this log has signed"
        return report
    _compare(directory, store, report, told, announced)
    if not anchors:
        report.notes.append(_NO_ANCHOR)
    if key is None:
        report.notes.append(_NO_KEY)
    if report.last > report.signed:
        report.notes.append(f"records {report.signed + 1} to {report.last} are not covered by a checkpoint yet")
    return report


def _compare(directory: Path, store: Store, report: Report, told: _Promises, announced: Sequence[Announcement]) -> None:
    evidence = Evidence()
    walk = Walk(directory, report, evidence.note, report.signed)
    promises = sorted(told.found, key=lambda each: each.checkpoint.size)
    Comparison(report, SignedLeaves(store, report.signed), promises).run(_counted(report, walk))
    evidence.check_removals(report, walk.pruned, walk.first or 1, walk.begins)
    evidence.check_keys(report, announced, told.signed)


def _counted(report: Report, walk: Walk) -> Iterator[Step]:
    for step in walk.steps():
        report.last = walk.seq
        yield step
    report.last = walk.seq


def _believed(report: Report, announced: Sequence[Announcement], trusted: VerifierKey | None) -> Keychain | None:
    """The keys of the log, from its first one on; the trusted one must be among them."""
    if not announced:
        report.undecided = "there are no keys beside this log: it was never proved, or its proof was taken away"
        return None
    report.origin = announced[0].origin
    good = list[Announcement]()
    for number, each in enumerate(announced, 1):
        try:
            Keychain.of([*good, each])
        except BadNote as error:
            report.find(Place(f"{FOLDER}/{KEYS}, note {number}", 0), 0, f"{error}; no later key is believed")
            break
        good.append(each)
    chain = Keychain.of(good)
    if trusted is not None and trusted not in chain.keys:
        report.undecided = f"`{trusted}` is no key of this log"
        return None
    report.key = str(trusted or announced[0].key)
    return chain


@dataclass(slots=True)
class _Promises:
    """The checkpoints that count, as they are found; `signed` are their sizes and who signed them."""

    report: Report
    chain: Keychain
    found: list[Promise] = field(default_factory=list)
    signed: list[tuple[int, Sequence[VerifierKey]]] = field(default_factory=list)

    def own(self, files: Mapping[str, Sequence[str]]) -> None:
        """Those beside the log, by their files; their sizes never fall."""
        for name, notes in files.items():
            greatest = 0
            for number, note in enumerate(notes, 1):
                source = f"{FOLDER}/{name}, note {number}"
                size = self._add(note, source)
                if size is not None and size < greatest:
                    self.report.find(Place(source, 0), 0, f"{size} records were signed after {greatest}")
                greatest = max(greatest, size or 0)
        self.report.checkpoints = len(self.found)

    def believe_newest(self, trusted: VerifierKey | None) -> None:
        """The newest checkpoint must be signed by the trusted key or by one that it vouches for."""
        if trusted is None or not self.found:
            return
        keys = self.chain.keys[self.chain.keys.index(trusted) :]
        if not any(size == self.report.signed and set(signers) & set(keys) for size, signers in self.signed):
            what = "the newest checkpoint is signed by no key that the trusted one vouches for"
            self.report.find(Place(f"{FOLDER}/{CHECKPOINT}", 0), 0, what)

    def anchored(self, path: Path, notes: Sequence[tuple[str, str]]) -> None:
        """Those that an anchor kept, without those of other logs."""
        others, before = 0, self.report.anchored
        for source, note in notes:
            if _origin(note) not in {None, self.report.origin}:
                others += 1
            elif self._add(note, source) is not None:
                self.report.anchored += 1
        if others:
            self.report.notes.append(f"{path}: {others} checkpoints of other logs were passed over")
        if self.report.anchored == before:
            self.report.find(Place(str(path), 0), 0, "this anchor holds no checkpoint of this log that is believed")

    def _add(self, note: str, source: str) -> int | None:
        """The size of a checkpoint that is believed."""
        try:
            signed = Signed.open(note, self.chain.keys)
        except BadNote as error:
            self.report.find(Place(source, 0), 0, f"this checkpoint is not believed: {error}")
            return None
        if signed.checkpoint.origin != self.report.origin:
            self.report.find(Place(source, 0), 0, f"this checkpoint is of another log, `{signed.checkpoint.origin}`")
            return None
        self.found.append(Promise(signed.checkpoint, source))
        self.signed.append((signed.checkpoint.size, signed.signers))
        return signed.checkpoint.size


def anchored_notes(path: Path) -> Iterator[tuple[str, str]]:
    """What an anchor kept, with its places: lines with our JSON somewhere in them, else bare notes. Raises OSError."""
    text, lines = path.read_text("utf-8", "replace"), False
    for number, line in enumerate(text.splitlines(), 1):
        begin = line.find('{"time":')
        if begin < 0:
            continue
        lines = True
        with suppress(ValueError):
            found, _ = json.JSONDecoder().raw_decode(line, begin)
            if isinstance(found.get("checkpoint"), str):
                yield f"{path}:{number}", found["checkpoint"]
    if not lines:
        yield from ((f"{path}, note {number}", note) for number, note in enumerate(notes_in(text), 1))


def _origin(note: str) -> str | None:
    with suppress(BadNote):
        return Checkpoint.parse(Note.parse(note).text).origin
    return None
