from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.reading import seq_in
from gateway.audit.proof.verifying import verify
from gateway.audit.writing.segments import segments
from tests.conformance.tampering import PAGE, TAMPERINGS, Outcome, make_log, page, try_everywhere
from tests.unit.audit.proof.proved import write

if TYPE_CHECKING:
    from pathlib import Path

EDITS = 1000


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> list[Outcome]:
    original = make_log(tmp_path_factory.mktemp("original"))
    assert verify(original, anchors=[original.parent / "anchor"]).in_order() == []
    return [try_everywhere(original, each) for each in TAMPERINGS]


def test_whatever_is_done_is_found_wherever_it_is_done(outcomes: list[Outcome]) -> None:
    missed = [each.tampering.title for each in outcomes if not each.places or each.found < each.places]

    assert missed == ["The log is cut off, its checkpoints too, and there is no anchor"]


def test_what_is_found_is_named_by_its_record(outcomes: list[Outcome]) -> None:
    assert [each.tampering.title for each in outcomes if each.named != each.found] == []


def test_the_page_about_it_is_current(outcomes: list[Outcome]) -> None:
    assert PAGE.read_text("utf-8") == page(iter(outcomes)), "run `python -m tests.conformance.tampering`"


def test_a_thousand_changed_bytes_are_found_in_their_records(tmp_path: Path) -> None:
    directory = tmp_path / "audit"
    write(directory, 150, segment_size=6000)
    write(directory, 150, first=150, segment_size=6000)
    random, files = Random(6962), segments(directory)
    assert len(files) > 5

    for _ in range(EDITS):
        path = random.choice(files)
        good = path.read_bytes()
        at = random.randrange(len(good))
        changed = bytes([random.choice([byte for byte in range(256) if byte != good[at]])])
        path.write_bytes(good[:at] + changed + good[at + 1 :])
        first = next(iter(verify(directory).in_order()), None)
        path.write_bytes(good)

        number = good.count(b"\n", 0, at) + 1
        seq = seq_in(good.splitlines(keepends=True)[number - 1])
        assert first is not None, (path.name, at)
        assert (first.seq, first.place.file) == (seq, path.name), (path.name, at, str(first))
        if not (path == files[-1] and at == len(good) - 1):
            assert first.place.line == number, (path.name, at, str(first))
