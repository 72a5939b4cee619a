from __future__ import annotations

import io
from typing import TYPE_CHECKING

from gateway.audit.reading.filters import Filter
from gateway.audit.reading.reader import Damage
from gateway.cli.audit_walk import MOST_TOLD, Progress, Walk
from tests.unit.audit.reading.made import at, decision, line, write

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

PRUNED = b'{"v":1,"seq":6,"pruned":"' + b"0" * 64 + b'"}\n'


def walked(directory: Path, wanted: Filter) -> Walk:
    walk = Walk(directory, wanted)
    list(walk.scan.lines())
    return walk


def test_what_is_no_longer_there_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, line(decision(5)) + PRUNED + line(decision(7)))

    assert walked(tmp_path, Filter()).code(found=True) == 0
    assert capsys.readouterr().err == (
        "audit: of 1 records only the hash is left, their time was over\n"
        "audit: the log begins with record 5, what came before was not kept\n"
    )
    assert walked(tmp_path, Filter(since=at(1))).code(found=True) == 0
    assert "the log begins" not in capsys.readouterr().err


def test_nothing_found_in_a_damaged_log_proves_nothing(tmp_path: Path) -> None:
    write(tmp_path, line(decision(1)) + b"broken\n")
    walk = walked(tmp_path, Filter())

    assert [walk.code(found=found) for found in (True, False)] == [0, 3]
    assert Walk(tmp_path, Filter()).code(found=False) == 1


def test_much_damage_is_not_told_place_by_place(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    walk = Walk(tmp_path, Filter())
    for number in range(MOST_TOLD + 2):
        walk.tell(Damage(tmp_path, number, "odd"))

    assert walk.code(found=True) == 0
    told = capsys.readouterr().err.splitlines()
    assert (len(told), told[-1]) == (
        MOST_TOLD + 1,
        "audit: and 2 more places, `wicketgate audit verify` names all of them",
    )


def test_progress_is_shown_to_those_who_wait_and_goes_away() -> None:
    moment = [0.0]
    out = io.StringIO()
    progress = Progress(out, lambda: moment[0])
    progress.tell(1, 10)
    assert out.getvalue() == ""
    moment[0] = 1.0
    for done in (2, 2, 5, 10):
        progress.tell(done, 10)

    assert out.getvalue() == "\r 20 % of the log\r 50 % of the log\r\x1b[K"


def test_without_a_terminal_there_is_no_progress(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write(tmp_path, line(decision(1)))
    walked(tmp_path, Filter())

    assert capsys.readouterr().err == ""
