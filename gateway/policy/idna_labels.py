"""International names to A-labels, and A-labels checked to be what they claim.

This is UTS 46 ToASCII with CheckBidi and CheckJoiners, without the hyphen and STD3 rules (the caller has its own
alphabet) and without the further refusals of IDNA 2008: names with symbols are registered and resolve, and a gate
that cannot name them cannot judge them. An A-label is accepted only if it is the one encoding of a label that the
mapping leaves as it is, so a name has a single spelling.

Sources: UTS 46 sections 4, 4.1, 4.2; RFC 3492 (Punycode).
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING, Final

import idna

from gateway.policy.errors import Malformed, TooLong, quoted

if TYPE_CHECKING:
    from collections.abc import Sequence

_ACE: Final = "xn--"
_LONGEST: Final = 253
_JOINERS: Final = frozenset("\u200c\u200d")
_RIGHT_TO_LEFT: Final = frozenset({"R", "AL", "AN"})


def to_ascii(name: str) -> str:
    """Map a name and turn its labels into A-labels; empty labels and ASCII are left to the caller. Malformed."""
    try:
        mapped = idna.uts46_remap(name, std3_rules=False)
        labels = mapped.split(".")
        unicode_labels = [_decoded(name, label) for label in labels]
        _check_direction(unicode_labels)
        return ".".join(_encoded(name, label) for label in unicode_labels)
    except (idna.IDNAError, UnicodeError):
        raise Malformed(f"host {quoted(name)}: it is not a valid international name") from None


def _decoded(name: str, label: str) -> str:
    """The label in Unicode, checked; an ASCII label is what it is."""
    if len(label) > _LONGEST:
        raise TooLong(f"host {quoted(name)}: a part between dots has at most 63 bytes")
    if not label.startswith(_ACE):
        return label if label.isascii() else _checked(name, label)
    if not label.isascii():
        raise Malformed(f"host {quoted(name)}: {quoted(label)} mixes an encoded label with other letters")
    decoded = _checked(name, label.removeprefix(_ACE).encode("ascii").decode("punycode"))
    if _encoded(name, decoded) != label:
        raise Malformed(f"host {quoted(name)}: {quoted(label)} is not the encoding of an international label")
    return decoded


def _checked(name: str, label: str) -> str:
    """UTS 46 section 4.1: normalised, nothing left to map, no mark in front, joiners where they belong."""
    if idna.uts46_remap(label, std3_rules=False) != label or label.startswith(_ACE):
        raise Malformed(f"host {quoted(name)}: {quoted(label)} is not a canonical international label")
    idna.check_initial_combiner(label)
    for position, character in enumerate(label):
        if character in _JOINERS and not _joins(label, position):
            raise Malformed(f"host {quoted(name)}: an invisible joiner is not allowed here")
    return label


def _joins(label: str, position: int) -> bool:
    try:
        return idna.valid_contextj(label, position)
    except ValueError:
        return False


def _check_direction(labels: Sequence[str]) -> None:
    """UTS 46 CheckBidi: if any label runs from right to left, every label obeys the Bidi rule (RFC 5893)."""
    if any(unicodedata.bidirectional(character) in _RIGHT_TO_LEFT for label in labels for character in label):
        for label in filter(None, labels):
            idna.check_bidi(label, check_ltr=True)


def _encoded(name: str, label: str) -> str:
    if label.isascii():
        return label
    if len(label) > _LONGEST:
        raise TooLong(f"host {quoted(name)}: a part between dots has at most 63 bytes")
    return _ACE + label.encode("punycode").decode("ascii")
