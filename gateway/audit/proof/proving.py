"""Proofs that fit into one file: records as they stand in the log, and what shows that they do.

The file is JSON: `records`, each with its `line` (without the newline, ASCII) and its `proof` in the format of
https://c2sp.org/tlog-proof, which ends in the checkpoint; `keys`, the announcements from the first key of the log to
the one that signed. Whoever knows any of these keys needs nothing else: no log, no network.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from binascii import Error as NotBase64
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.proof.checkpoints import Signed
from gateway.audit.proof.handover import announcements
from gateway.audit.proof.keychain import Announcement, Keychain
from gateway.audit.proof.notes import BadNote
from gateway.audit.proof.reading import lines_of, pruned_leaf, seq_in
from gateway.audit.proof.store import CHECKPOINT, FOLDER, Store
from gateway.audit.proof.tiles import nodes_in
from gateway.audit.proof.tree import inclusion_proof, root_of_inclusion
from gateway.audit.writing.recovery import parse_line
from gateway.audit.writing.segments import segments
from gateway.audit.writing.witness import leaf_hash

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.proof.notes import VerifierKey
    from gateway.audit.records.record import Record

FORMAT: Final = "wicketgate-audit-proof/1"
_PROOF: Final = "c2sp.org/tlog-proof@v1"


class NotProvable(Exception):  # noqa: N818 - it says why there is no proof, and is no failure of the program
    """There is no proof, or what is said to be one is none. The message is a sentence for people."""


@dataclass(frozen=True, slots=True)
class Proven:
    """Records that are in a log: it had `size` of them when `key` signed; `first` is the first key that was named."""

    origin: str
    size: int
    records: tuple[Record, ...]
    lines: tuple[str, ...]
    keys: tuple[VerifierKey, ...]


def prove(directory: Path, decision_id: str) -> str:
    """The file that proves all records of a decision. Raises NotProvable, OSError."""
    store = Store(directory / FOLDER)
    announced = announcements(store)
    notes = store.notes(CHECKPOINT)
    if not announced or not notes:
        raise NotProvable("this log is not proved: there is no checkpoint beside it")
    try:
        chain = Keychain.of(announced)
        signed = Signed.open(notes[0], chain.keys)
    except BadNote as error:
        raise NotProvable(f"the newest checkpoint is not believed: {error}") from None
    found = _lines_with(directory, decision_id)
    covered = [line for line in found if (seq_in(line) or 0) <= signed.checkpoint.size]
    if found and not covered:
        raise NotProvable("no checkpoint covers these records yet, one is signed within a second")
    last = max(each.key in signed.signers and number for number, each in enumerate(announced, 1))
    return json.dumps(
        {
            "format": FORMAT,
            "records": [{"line": line[:-1].decode("ascii"), "proof": _proof(line, signed, store)} for line in covered],
            "keys": [str(each.note) for each in announced[:last]],
        },
        indent=1,
    )


def check(text: str, key: VerifierKey | None = None) -> Proven:
    """What a file proves, to somebody who trusts `key`, else its own first one. Raises NotProvable."""
    try:
        held = json.loads(text)
        records, notes = held["records"], held["keys"]
        if held["format"] != FORMAT or not records:
            raise NotProvable(f"this is no proof of the format `{FORMAT}`")
        lines = [(str(each["line"]), str(each["proof"])) for each in records]
        announced = [Announcement.parse(str(note)) for note in notes]
        keys = Keychain.of(announced, key).keys
        checked = [_checked(line, proof, keys) for line, proof in lines]
    except (ValueError, KeyError, TypeError):
        raise NotProvable(f"this is no proof of the format `{FORMAT}`") from None
    except BadNote as error:
        raise NotProvable(str(error)) from None
    newest = max(checked, key=lambda each: each.checkpoint.size)
    if any(each.checkpoint.origin != keys[0].name for each in checked):
        raise NotProvable(f"the checkpoint is of another log than the key `{keys[0]}`")
    parsed = [parse_line(line.encode()) or {} for line, _ in lines]
    return Proven(
        newest.checkpoint.origin, newest.checkpoint.size, tuple(parsed), tuple(line for line, _ in lines), keys
    )


def _proof(line: bytes, signed: Signed, store: Store) -> str:
    index, size = (seq_in(line) or 0) - 1, signed.checkpoint.size
    try:
        path = inclusion_proof(index, size, nodes_in(size, store.read))
    except FileNotFoundError as error:
        raise NotProvable(f"`{error.filename}` is missing, `audit verify` tells more") from None
    if root_of_inclusion(index, size, leaf_hash(line[:-1]), path) != signed.checkpoint.root:
        raise NotProvable(f"record {index + 1} is not what was signed, `audit verify` tells more")
    hashes = "".join(f"{b64encode(each).decode()}\n" for each in path)
    return f"{_PROOF}\nindex {index}\n{hashes}\n{signed.note}"


def _checked(line: str, proof: str, keys: tuple[VerifierKey, ...]) -> Signed:
    head, _, note = proof.partition("\n\n")
    kind, index, *encoded = [each for each in head.split("\n") if not each.startswith("extra ")]
    number = index.removeprefix("index ")
    if kind != _PROOF or not number.isascii() or not number.isdigit():
        raise NotProvable(f"a proof begins with `{_PROOF}` and the index of its record")
    signed = Signed.open(note, keys)
    try:
        path = [b64decode(each, validate=True) for each in encoded]
    except NotBase64:
        path = []
    root = root_of_inclusion(int(number), signed.checkpoint.size, leaf_hash(line.encode()), path)
    if root != signed.checkpoint.root or seq_in(line.encode()) != int(number) + 1:
        raise NotProvable(f"record {int(number) + 1} is not in the log that was signed, or was changed")
    return signed


def _lines_with(directory: Path, decision_id: str) -> list[bytes]:
    """The lines of a decision, by its id; each record once."""
    found, wanted = dict[int, bytes](), decision_id.encode()
    for path in segments(directory):
        for line in lines_of(path):
            if wanted in line and pruned_leaf(line) is None and line.endswith(b"\n"):
                record, seq = parse_line(line) or {}, seq_in(line)
                if record.get("id") == decision_id and seq is not None:
                    found.setdefault(seq, line)
    if not found:
        raise NotProvable(f"no record of the log has the id `{decision_id}`")
    return [found[seq] for seq in sorted(found)]
