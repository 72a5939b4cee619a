from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from gateway.admin.invitation import HOLDS, NAME, accept, invite, link

if TYPE_CHECKING:
    from pathlib import Path


def test_a_code_works_once(tmp_path: Path) -> None:
    code = invite(tmp_path)

    assert [accept(tmp_path, code), accept(tmp_path, code)] == [True, False]


def test_a_wrong_code_opens_nothing_and_leaves_the_right_one_in_place(tmp_path: Path) -> None:
    code = invite(tmp_path)

    assert not any(
        accept(tmp_path, wrong) for wrong in ("", code[:-1], f"{code}x", "\udcff", (tmp_path / NAME).read_text())
    )
    assert accept(tmp_path, code)


def test_of_two_codes_the_newer_one_holds(tmp_path: Path) -> None:
    older, newer = invite(tmp_path), invite(tmp_path)

    assert [accept(tmp_path, older), accept(tmp_path, newer)] == [False, True]


def test_a_code_holds_for_minutes_and_not_before_its_time(tmp_path: Path) -> None:
    for moment in (time.time() - HOLDS - 1, time.time() + 60):
        code = invite(tmp_path)
        os.utime(tmp_path / NAME, (moment, moment))

        assert not accept(tmp_path, code)
        assert not (tmp_path / NAME).exists()


def test_what_is_written_down_is_no_code_and_for_its_owner_alone(tmp_path: Path) -> None:
    code = invite(tmp_path)
    file = tmp_path / NAME

    assert code not in file.read_text("ascii")
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == [NAME]


def test_browsers_send_the_code_of_a_link_to_nobody() -> None:
    assert link("http://127.0.0.1:8090", "c") == "http://127.0.0.1:8090/#sign-in=c"
