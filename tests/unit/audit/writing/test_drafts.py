"""That both ways to word a draft agree is the law of `tests/property/test_law_wording.py`."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from gateway.audit.records.disclosure import Disclosure
from gateway.audit.records.record import Circumstances
from gateway.audit.writing.backlog import MOST_DRAFTS, Backlog
from gateway.audit.writing.drafts import DecisionDraft, EndDraft
from gateway.audit.writing.errors import AuditUnavailable
from gateway.audit.writing.intake import Intake
from gateway.audit.writing.phrases import Phrases
from gateway.audit.writing.wording import Wording
from gateway.audit.writing.writer import AuditWriter
from gateway.policy.addresses import Address
from gateway.policy.model import UNKNOWN, Decision, Facts, Mode, Reason, Verdict, refuse
from tests.unit.audit.logs import until, whole_log

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.audit.writing.drafts import Draft
    from tests.unit.audit.logs import Opened

ALLOWED = Decision(verdict=Verdict.ALLOW, reason=Reason.ALLOWED_BY_DEFAULT)
ABOUT = Circumstances(id="", listener="web", mode=Mode.REVERSE)
PAYER = Address.parse("10.1.2.3")


def decided(decision: Decision = ALLOWED, number: int = 1) -> DecisionDraft:
    return DecisionDraft(Wording(), Phrases(ABOUT), Facts(now=0.0), decision, 0.0, f"id-{number}")


def ended(server: str | None = None) -> EndDraft:
    served = None if server is None else ("app", server)
    return EndDraft(Wording(), 0.0, "id-1", 200, 0, 22, 0.1, PAYER, False, None, UNKNOWN, served)  # noqa: FBT003 - in the order of its values


class Speechless(NamedTuple):
    """A draft for which nobody finds words."""

    id: str = "id-2"
    now: float = 0.0
    must: bool = False
    kind: str = "end"
    size: int = 100

    def text(self) -> bytes:
        raise KeyError("a fault of ours")


class Telling(NamedTuple):
    """A draft that tells when it is worded."""

    told: list[int]
    number: int
    id: str = "id-3"
    now: float = 0.0
    must: bool = False
    kind: str = "end"
    size: int = 100

    def text(self) -> bytes:
        self.told.append(self.number)
        return b'"number":%d}' % self.number


def said(line: bytes) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(line)
    return found


def test_drafts_are_numbered_as_they_are_accepted_and_worded_when_they_are_taken() -> None:
    queue = Backlog(7, 10, 100_000)
    intake = Intake("batched", "closed", queue)

    assert (intake.append(decided()), intake.append({"event": "note"}), intake.append(ended())) == (7, 8, 9)

    lines = [said(line) for line in queue.take(0.0, 0.0).lines]
    assert [(each["seq"], each["event"]) for each in lines] == [(7, "decision"), (8, "note"), (9, "end")]


def test_a_draft_says_itself_whether_it_may_be_left_out_and_of_what_kind_it_is() -> None:
    queue = Backlog(1, 10, 100_000, "deny_only")
    intake = Intake("batched", "deny_only", queue)
    queue.refuse_all("the disk is full")
    refused = decided(refuse(Reason.CAPACITY, "There is no room."))

    assert [intake.append(each) for each in (decided(), ended(), refused)] == [0, 0, 1]

    missed = queue.take_untold()
    assert missed is not None
    assert (missed.unrecorded, missed.kinds) == (2, {"allow": 1, "end": 1})


@pytest.mark.parametrize("draft", [decided(), ended()])
def test_a_draft_meets_the_same_shut_door(draft: Draft) -> None:
    for accept in (Intake("sync", "open").append, Intake("sync", "open").append_durable):
        with pytest.raises(AuditUnavailable, match="the audit log is not open"):
            accept(draft)


def test_a_writer_takes_drafts_only_while_it_is_open(directory: Path) -> None:
    writer = AuditWriter(directory)
    with pytest.raises(AuditUnavailable, match="the audit log is not open"):
        writer.append(ended())

    writer.start()
    assert writer.append(ended()) == 1
    writer.close()

    assert [each["event"] for each in whole_log(directory)] == ["end"]
    with pytest.raises(AuditUnavailable, match="the audit log is closed"):
        writer.append(ended())


def test_a_number_is_given_when_the_disk_has_the_words() -> None:
    queue = Backlog(5, 10, 100_000)
    done = Intake("sync", "closed", queue).append_durable(decided())

    assert not done.done()
    assert queue.take(0.0, 0.0).waiting == [(done, 5)]


def test_a_draft_takes_the_room_of_its_estimate_until_its_words_are_known() -> None:
    queue = Backlog(1, 10, 8_000)
    queue.put(ended())

    with pytest.raises(AuditUnavailable, match="the audit queue is full: 4096 bytes wait for the disk"):
        queue.put(ended())
    lines = queue.take(0.0, 0.0).lines
    assert queue.put(ended()) == 2
    queue.settle(lines)
    queue.settle(queue.take(0.0, 0.0).lines)

    assert (queue.records, queue.put(b"x" * 8_000)) == (0, 3)


def test_few_drafts_wait_and_the_last_of_them_has_all_of_them_worded() -> None:
    queue = Backlog(1, 10 * MOST_DRAFTS, 100_000_000)
    told: list[int] = []
    for number in range(1, MOST_DRAFTS + 2):
        assert queue.put(Telling(told, number)) == number
        assert len(told) == number // MOST_DRAFTS * MOST_DRAFTS

    lines = [said(line) for line in queue.take(0.0, 0.0).lines]

    assert told == list(range(1, MOST_DRAFTS + 2))
    assert [(each["seq"], each["number"]) for each in lines] == [(number, number) for number in told]


def test_who_brings_the_draft_that_has_others_worded_meets_the_shut_door_with_the_next_one() -> None:
    queue = Backlog(1, 10 * MOST_DRAFTS, 100_000_000)
    queue.put(Speechless())
    numbers = [queue.put(decided(number=number)) for number in range(2, MOST_DRAFTS + 1)]

    with pytest.raises(AuditUnavailable, match="the record of decision `id-2` could not be worded"):
        queue.put(decided())

    lines = [said(line) for line in queue.take(0.0, 0.0).lines]
    assert [each["seq"] for each in lines] == [1, *numbers]
    assert [each["event"] for each in lines] == ["gap", *["decision"] * len(numbers)]


def test_the_room_of_drafts_that_were_worded_is_that_of_their_words() -> None:
    queue = Backlog(1, 10 * MOST_DRAFTS, 2 * MOST_DRAFTS * ended().size)
    for _ in range(MOST_DRAFTS):
        queue.put(ended())

    assert queue.put(b"x" * (MOST_DRAFTS * ended().size)) == MOST_DRAFTS + 1
    queue.settle(queue.take(0.0, 0.0).lines)

    assert (queue.records, queue.crowded) == (0, False)


def test_what_has_no_words_is_told_in_its_place_and_nothing_is_let_through_any_more() -> None:
    queue = Backlog(1, 10, 100_000, "open")
    for each in (decided(), Speechless(), ended()):
        queue.put(each)

    lines = [said(line) for line in queue.take(0.0, 0.0).lines]

    why = "the record of decision `id-2` could not be worded"
    assert [(each["seq"], each["event"]) for each in lines] == [(1, "decision"), (2, "gap"), (3, "end")]
    assert (lines[1]["reason"], lines[1]["detail"], lines[1]["left_out"]) == ("not-worded", why, {"end": 1})
    assert (queue.trouble, queue.closing) == (why, True)
    with pytest.raises(AuditUnavailable, match=why):
        queue.put(decided())


def test_a_log_that_lost_its_words_keeps_what_it_accepted(directory: Path, opened: Opened) -> None:
    writer = opened()
    for each in (decided(), Speechless(), ended()):
        writer.append(each)
    until(lambda: writer.waiting == 0)

    assert writer.trouble == "the record of decision `id-2` could not be worded"
    with pytest.raises(AuditUnavailable, match="could not be worded"):
        writer.append(decided())
    writer.close()
    assert [each["event"] for each in whole_log(directory)] == ["decision", "gap", "end"]


def test_an_end_that_needs_another_spelling_is_worded_the_plain_way() -> None:
    draft = ended("http://bücher.test")

    assert draft.text() == draft.plainly()
    assert b'"server":"http://b\\u00fccher.test"' in draft.text()


def test_a_client_that_cannot_be_named_is_found_out_before_anything_is_accepted() -> None:
    def unnamed(*_: object) -> str:
        raise AuditUnavailable("the key of the month cannot be read")

    phrases = Phrases(Circumstances(id="", listener="web", mode=Mode.REVERSE, disclosure=Disclosure(client=unnamed)))
    draft = DecisionDraft(Wording(), phrases, Facts(now=0.0, client_ip=PAYER), ALLOWED, 0.0, "id-1")

    with pytest.raises(AuditUnavailable, match="the key of the month cannot be read"):
        draft.record()
