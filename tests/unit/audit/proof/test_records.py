from __future__ import annotations

from gateway.audit.proof.keychain import Announcement
from gateway.audit.proof.records import heartbeat_record, key_record, proof_record
from tests.unit.audit.proof.proved import KEY, MONDAY, OTHER
from tests.unit.audit.proof.trees import digest

TIME = "2026-11-23T00:00:00.000000Z"


def test_the_record_of_a_key_holds_what_vouches_for_it() -> None:
    announcement = Announcement.make("2026-11-24", OTHER, KEY)

    record = key_record(announcement, MONDAY)

    assert list(record) == ["time", "event", "day", "key", "note"]
    assert (record["time"], record["event"], record["day"]) == (TIME, "key", "2026-11-24")
    assert Announcement.parse(str(record["note"])) == announcement
    assert record["key"] == str(OTHER.verifier)


def test_the_record_of_a_start_says_what_the_log_goes_on_with() -> None:
    record = proof_record(outcome="sound", size=7, root=digest("r"), problems=["p"], now=MONDAY)

    assert record == {
        "time": TIME,
        "event": "proof",
        "outcome": "sound",
        "size": 7,
        "root": "RUNJ5CLwUpcZHq0T4h09tSDlq+9SBV5JZLgvshP1k6E=",
        "problems": ["p"],
    }


def test_a_sign_of_life_says_how_long_nothing_happened() -> None:
    assert heartbeat_record(idle=300.2, now=MONDAY) == {"time": TIME, "event": "heartbeat", "idle": 300}
