from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.evidence import Evidence
from gateway.audit.proof.findings import Place, Report
from gateway.audit.proof.keychain import Announcement
from gateway.audit.proof.walking import Span
from tests.unit.audit.proof.proved import KEY, OTHER, said

if TYPE_CHECKING:
    from collections.abc import Sequence

STEM = "01JD7N5M4Q0000000000000000"
FIRST, SECOND = Announcement.make("2026-11-23", KEY, KEY), Announcement.make("2026-11-24", OTHER, KEY)


def retention(first: int | None, last: int | None, *, whole: bool = False, stem: str = STEM) -> bytes:
    record = {"v": 1, "seq": 99, "event": "retention", "segment": stem, "first": first, "last": last, "whole": whole}
    return json.dumps(record).encode()


def told(*lines: bytes) -> Evidence:
    evidence = Evidence()
    for line in lines:
        evidence.note(99, line)
    return evidence


def removals(evidence: Evidence, *spans: tuple[int, int], first: int = 1) -> list[str]:
    report = Report()
    evidence.check_removals(
        report, [Span(Place(f"{STEM}.jsonl.zst", each[0]), *each) for each in spans], first, Place(f"{STEM}.jsonl", 1)
    )
    return said(report)


@pytest.mark.parametrize(
    ("findings", "spans"),
    [
        ([], [(1, 3), (7, 7)]),
        ([], [(2, 9)]),
        (
            [f"{STEM}.jsonl.zst:9: record 10: to 12 are only a hash, and no record tells that their time was over"],
            [(9, 12)],
        ),
        ([f"{STEM}.jsonl.zst:13: record 13: is only a hash, and no record tells that their time was over"], [(13, 13)]),
    ],
)
def test_only_what_was_said_to_be_removed_may_be_gone(findings: list[str], spans: list[tuple[int, int]]) -> None:
    assert removals(told(retention(1, 5), retention(4, 9)), *spans) == findings


def test_what_was_removed_from_another_segment_says_nothing() -> None:
    assert len(removals(told(retention(1, 5, stem="01JD7N5M4R0000000000000000")), (1, 2))) == 1


def test_the_beginning_of_a_log_may_be_gone_if_it_went_as_a_whole() -> None:
    evidence = told(retention(1, 5), retention(None, None, whole=True))

    assert removals(evidence, first=6) == []
    assert removals(evidence, first=8) == [
        f"{STEM}.jsonl:1: record 6: to 7 are missing at the beginning, and no record tells why"
    ]
    assert removals(told(retention(1, 5)), first=6) == [
        f"{STEM}.jsonl:1: record 1: to 5 are missing at the beginning, and no record tells why"
    ]


def keys_of(evidence: Evidence, signed: Sequence[tuple[int, tuple[object, ...]]]) -> list[str]:
    report = Report(signed=50)
    evidence.check_keys(report, [FIRST, SECOND], signed)  # type: ignore[arg-type]  # tuples of keys, spelt shortly
    return said(report)


def key_line(announcement: Announcement) -> bytes:
    return json.dumps({"v": 1, "seq": 1, "event": "key", "key": str(announcement.key)}).encode()


def with_keys() -> Evidence:
    evidence = Evidence()
    evidence.note(2, key_line(FIRST))
    evidence.note(30, key_line(SECOND))
    return evidence


def test_a_key_that_both_have_signed_in_took_over_rightly() -> None:
    both = (KEY.verifier, OTHER.verifier)

    assert keys_of(with_keys(), [(20, (KEY.verifier,)), (31, both), (50, (OTHER.verifier,))]) == []


def test_a_key_that_signed_alone_at_once_was_slipped_in() -> None:
    assert keys_of(with_keys(), [(29, (KEY.verifier,)), (50, (OTHER.verifier,))]) == [
        "proof/keys, note 2: no checkpoint over record 30, which announces this key, was signed by the one before"
    ]


def test_a_key_that_signed_and_was_never_announced_in_the_log_is_told() -> None:
    evidence = Evidence()
    evidence.note(2, key_line(FIRST))

    assert keys_of(evidence, [(50, (KEY.verifier, OTHER.verifier))]) == [
        "proof/keys, note 2: this key signed, and no record announces it"
    ]


def test_an_announcement_that_was_taken_away_is_told() -> None:
    report, evidence = Report(signed=50), with_keys()

    evidence.check_keys(report, [FIRST], [(50, (KEY.verifier,))])

    assert said(report) == ["proof/keys: record 30: announces a key that is not there"]


def test_what_is_no_such_record_is_passed_over() -> None:
    evidence = told(b"rubbish", b'{"v":1,"seq":1,"event":"key"}', b'{"v":1,"seq":1,"event":"stop"}')

    assert (evidence.keys, dict(evidence.removed), evidence.whole) == ({}, {}, set())
