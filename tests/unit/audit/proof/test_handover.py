from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.handover import Handover, announcements
from gateway.audit.proof.keychain import Keychain
from gateway.audit.proof.keys import NEXT, SIGNING, KeyFolder
from gateway.audit.proof.notes import BadNote
from gateway.audit.proof.store import KEYS
from gateway.audit.writing.errors import AuditUnavailable
from tests.unit.audit.proof.proved import DAY

if TYPE_CHECKING:
    from gateway.audit.proof.store import Store
    from tests.unit.audit.proof.proved import Clock


def begun(store: Store, clock: Clock) -> Handover:
    return Handover.begin(store, KeyFolder(store.folder), clock)


def test_the_first_key_of_a_log_announces_itself(store: Store, clock: Clock) -> None:
    handover = begun(store, clock)

    assert handover.announced is not None
    assert (handover.announced.day, handover.announced.is_first) == ("2026-11-23", True)
    assert handover.chain == Keychain.of(announcements(store))
    assert handover.origin == handover.announced.origin


def test_a_log_goes_on_with_its_key(store: Store, clock: Clock) -> None:
    first = begun(store, clock)
    again = begun(store, clock)

    assert (again.today, again.announced) == (first.today, None)


def test_a_new_day_brings_a_new_key_that_the_old_one_vouches_for(store: Store, clock: Clock) -> None:
    handover = begun(store, clock)
    old = handover.today
    assert handover.due() is None
    clock.now += DAY

    announcement = handover.due()

    assert announcement is not None
    assert (announcement.day, announcement.is_first) == ("2026-11-24", False)
    assert handover.due() is None
    assert handover.signers(covered=False) == [old.key]
    new = handover.signers(covered=True)[1]
    assert new.verifier == announcement.key
    handover.complete()
    assert handover.signers(covered=False) == [new]
    assert Keychain.of(announcements(store)).keys == (old.key.verifier, new.verifier)


def test_a_clock_that_goes_back_brings_no_new_key(store: Store, clock: Clock) -> None:
    handover = begun(store, clock)
    clock.now -= 3 * DAY

    assert handover.due() is None


def test_an_interrupted_handover_is_announced_again_with_the_same_key(store: Store, clock: Clock) -> None:
    handover = begun(store, clock)
    clock.now += DAY
    announcement = handover.due()

    again = begun(store, clock)

    assert announcement is not None
    assert again.today == handover.today
    assert again.announced == announcement
    assert again.signers(covered=True)[1].verifier == announcement.key
    assert len(announcements(store)) == 2


def test_a_log_that_lost_its_private_key_keeps_its_name_and_shows_the_break(store: Store, clock: Clock) -> None:
    first = begun(store, clock)
    (store.folder / SIGNING).unlink()

    again = begun(store, clock)

    assert again.origin == first.origin
    assert again.announced is not None
    assert again.announced.is_first
    with pytest.raises(BadNote, match="is not vouched for"):
        Keychain.of(announcements(store))


def test_a_key_of_no_use_is_told(store: Store, clock: Clock) -> None:
    begun(store, clock)
    (store.folder / NEXT).write_text("torn")
    (store.folder / NEXT).chmod(0o600)

    with pytest.raises(AuditUnavailable, match="holds no key"):
        begun(store, clock)


def test_what_announces_nothing_is_passed_over(store: Store, clock: Clock) -> None:
    begun(store, clock)
    store.remember(KEYS, "rubbish\n\n\N{EM DASH} a AAAAAAAA\n")

    assert len(announcements(store)) == 1
