from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.audit.proof.notes import BadNote, Note, SigningKey, VerifierKey, notes_in

SPECIFIED_KEY = "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"
SPECIFIED = (
    "This is an example message.\n\n"
    "\N{EM DASH} example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n"
)
KEY = SigningKey("wicketgate/1f", bytes(range(32)))
OTHER = SigningKey("wicketgate/1f", bytes(32))
TEXT = "one\n\ntwo\n"


def test_the_note_of_the_specification_is_signed_by_its_key() -> None:
    key = VerifierKey.parse(SPECIFIED_KEY)

    assert Note.parse(SPECIFIED).signers([key]) == (key,)
    assert str(key) == SPECIFIED_KEY
    assert str(Note.parse(SPECIFIED)) == SPECIFIED


@given(st.lists(st.sampled_from(["a", "", "x y", "-", "\N{EM DASH} no"]), min_size=1).map("\n".join))
def test_what_is_signed_is_read_back(text: str) -> None:
    note = Note.sign(f"a{text}\n", [KEY, OTHER])

    assert Note.parse(str(note)) == note
    assert note.signers([OTHER.verifier]) == (OTHER.verifier,)
    assert note.signers([OTHER.verifier, KEY.verifier]) == (KEY.verifier, OTHER.verifier)


@given(st.integers(0, len(TEXT) - 2), st.characters(min_codepoint=33, max_codepoint=126))
def test_a_text_that_was_changed_is_signed_by_nobody(at: int, letter: str) -> None:
    note = Note.sign(TEXT, [KEY])
    changed = TEXT[:at] + letter + TEXT[at + 1 :]

    if changed != TEXT:
        with pytest.raises(BadNote, match="does not fit the text"):
            Note(changed, note.signatures).signers([KEY.verifier])


def test_a_note_that_only_strangers_signed_is_not_believed() -> None:
    with pytest.raises(BadNote, match="no key that is known has signed it"):
        Note.sign(TEXT, [OTHER]).signers([KEY.verifier])


def test_one_forged_signature_of_a_known_key_spoils_the_note() -> None:
    good, forged = Note.sign(TEXT, [KEY]), Note.sign("another\n", [OTHER])

    with pytest.raises(BadNote, match="does not fit"):
        Note(TEXT, good.signatures + forged.signatures).signers([KEY.verifier, OTHER.verifier])


@pytest.mark.parametrize(
    ("what", "note"),
    [
        ("no control characters", SPECIFIED.replace("This", "Th\tis")),
        ("ends in an empty line", "no signature\n"),
        ("ends in an empty line", "text\n\n"),
        ("ends in an empty line", SPECIFIED.rstrip("\n")),
        ("ends in an empty line", "\n\n" + SPECIFIED.partition("\n\n")[2]),
        ("ends in an empty line", SPECIFIED + SPECIFIED.partition("\n\n")[2] * 64),
        ("is no line with a signature", SPECIFIED.replace("\N{EM DASH}", "-")),
        ("is no line with a signature", SPECIFIED.replace("Uw2Q", "!!!!")),
        ("is no line with a signature", "text\n\n\N{EM DASH} a+b AAAAAAAA\n"),
        ("is no line with a signature", "text\n\n\N{EM DASH} name AAAA\n"),
    ],
)
def test_what_is_no_note_is_not_read_as_one(what: str, note: str) -> None:
    with pytest.raises(BadNote, match=what):
        Note.parse(note)


@pytest.mark.parametrize(
    ("what", "key"),
    [
        ("is no public key", ""),
        ("is no public key", "name"),
        ("is no public key", SPECIFIED_KEY.replace("+AeKy", "+AeK")[:-4]),
        ("is no public key", SPECIFIED_KEY.replace("example.com/foo", "")),
        ("is no public key", "a+00000000+" + "A" * 44),
        ("is not the id of this key", SPECIFIED_KEY.replace("foo", "bar")),
        ("is not the id of this key", SPECIFIED_KEY.replace("Aeky", "Aekz")),
    ],
)
def test_a_key_that_lost_a_letter_is_no_key(what: str, key: str) -> None:
    with pytest.raises(BadNote, match=what):
        VerifierKey.parse(key)


def test_a_key_never_shows_its_secret() -> None:
    assert repr(KEY) == "SigningKey('wicketgate/1f')"


def test_notes_that_follow_each_other_are_told_apart() -> None:
    notes = [
        str(Note.sign(f"{text}\n", keys)) for text, keys in (("a", [KEY]), ("b\n\nc", [KEY, OTHER]), ("d", [OTHER]))
    ]

    assert notes_in("".join(notes)) == notes
    assert notes_in("") == []
    assert notes_in("nothing signed\n") == ["nothing signed\n"]
