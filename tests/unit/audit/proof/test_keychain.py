from __future__ import annotations

import pytest

from gateway.audit.proof.keychain import Announcement, Keychain
from gateway.audit.proof.notes import BadNote, Note, SigningKey
from tests.unit.audit.proof.proved import KEY, OTHER, THIRD

FIRST = Announcement.make("2026-11-23", KEY, KEY)
SECOND = Announcement.make("2026-11-24", OTHER, KEY)
LAST = Announcement.make("2026-11-25", THIRD, OTHER)
ALL = (KEY.verifier, OTHER.verifier, THIRD.verifier)


def test_every_key_is_vouched_for_by_the_one_before_it() -> None:
    assert Keychain.of([FIRST, SECOND, LAST]).keys == ALL


def test_a_handover_that_was_announced_twice_counts_once() -> None:
    assert Keychain.of([FIRST, SECOND, SECOND, LAST]).keys == ALL


def test_belief_begins_with_the_key_that_is_trusted() -> None:
    assert Keychain.of([FIRST, SECOND, LAST], OTHER.verifier).keys == ALL[1:]
    assert Keychain.of([FIRST, SECOND, LAST], THIRD.verifier).keys == ALL[2:]
    assert Keychain.of([FIRST, SECOND], THIRD.verifier).keys == (THIRD.verifier,)


def test_a_key_that_nobody_vouches_for_breaks_the_chain() -> None:
    stranger = Announcement.make("2026-11-25", THIRD, THIRD)

    with pytest.raises(BadNote, match="the key of 2026-11-25 is not vouched for by the one before it"):
        Keychain.of([FIRST, SECOND, stranger])


def test_an_older_key_cannot_vouch_once_it_was_replaced() -> None:
    late = Announcement.make("2026-11-25", THIRD, KEY)

    with pytest.raises(BadNote, match="is not vouched for"):
        Keychain.of([FIRST, SECOND, late])


def test_a_first_key_has_to_be_somebodys() -> None:
    with pytest.raises(BadNote, match="no key that is known"):
        Keychain.of([Announcement.make("2026-11-23", KEY, OTHER)])


def test_an_announcement_says_whether_it_is_the_first() -> None:
    assert (FIRST.is_first, SECOND.is_first) == (True, False)
    assert Announcement.parse(str(SECOND.note)) == SECOND


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("has three lines", f"wicketgate/1f\n2026-11-23\n{KEY.verifier}\n"),
        ("has three lines", f"wicketgate/1f/key\nMonday\n{KEY.verifier}\n"),
        ("has three lines", "wicketgate/1f/key\n2026-11-23\n"),
        ("is no public key", "wicketgate/1f/key\n2026-11-23\nkey\n"),
        ("is not named like its log", f"wicketgate/2e/key\n2026-11-23\n{KEY.verifier}\n"),
    ],
)
def test_what_announces_no_key_is_not_read_as_such(what: str, text: str) -> None:
    with pytest.raises(BadNote, match=what):
        Announcement.parse(str(Note.sign(text, [KEY])))


def test_a_checkpoint_is_never_taken_for_an_announcement() -> None:
    named = SigningKey("wicketgate/1f", KEY.secret)

    with pytest.raises(BadNote, match="three lines"):
        Announcement.parse(str(Note.sign("wicketgate/1f\n3\nAAAA\n", [named])))
