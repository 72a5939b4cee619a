from __future__ import annotations

import stat
from typing import TYPE_CHECKING

import pytest

from gateway.audit.proof.keys import NEXT, SIGNING, KeyFolder
from gateway.audit.writing.errors import AuditUnavailable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_key_is_written_for_its_owner_alone_and_read_back(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)

    made = keys.begin("2026-11-23")

    assert keys.signing() == made
    assert stat.S_IMODE((tmp_path / SIGNING).stat().st_mode) == 0o600
    assert made.key.name.startswith("wicketgate/")
    assert "secret" not in repr(made)


def test_no_two_logs_have_the_same_name_or_key(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    one, other = (KeyFolder(tmp_path / each).begin("2026-11-23").key for each in "ab")

    assert one.name != other.name
    assert one.secret != other.secret


def test_a_log_that_lost_its_key_keeps_its_name(tmp_path: Path) -> None:
    assert KeyFolder(tmp_path).begin("2026-11-23", "wicketgate/1f").key.name == "wicketgate/1f"


def test_the_old_secret_is_gone_when_the_next_key_takes_over(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)
    old = keys.begin("2026-11-23")
    before = (tmp_path / SIGNING).open("rb")
    new = keys.prepare(old.key.name, "2026-11-24")
    assert keys.following() == new

    keys.hand_over()

    assert (keys.signing(), keys.following()) == (new, None)
    with before:
        assert set(before.read()) == set(b"0")


def test_a_handover_that_is_begun_again_has_the_same_key(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)

    assert keys.prepare("wicketgate/1f", "2026-11-24") == keys.prepare("wicketgate/1f", "2026-11-25")


def test_a_handover_that_stopped_behind_the_erasing_is_ended(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)
    old = keys.begin("2026-11-23")
    new = keys.prepare(old.key.name, "2026-11-24")
    (tmp_path / SIGNING).write_bytes(b"0" * 90)

    assert keys.signing() == new
    assert not (tmp_path / NEXT).exists()


def test_there_is_no_key_before_one_is_made(tmp_path: Path) -> None:
    assert (KeyFolder(tmp_path).signing(), KeyFolder(tmp_path).following()) == (None, None)


def test_a_key_that_others_can_read_is_not_used(tmp_path: Path) -> None:
    keys = KeyFolder(tmp_path)
    keys.begin("2026-11-23")
    (tmp_path / SIGNING).chmod(0o640)

    with pytest.raises(AuditUnavailable, match=r"others can read `.*signing\.key`, give it the mode 0600"):
        keys.signing()


@pytest.mark.parametrize("text", ["", "2026-11-23 wicketgate/1f\n", "2026-11-23 wicketgate/1f AAAA\n", "\xff"])
def test_what_is_no_key_is_not_used_as_one(text: str, tmp_path: Path) -> None:
    (tmp_path / SIGNING).write_text(text, encoding="latin-1")
    (tmp_path / SIGNING).chmod(0o600)

    with pytest.raises(AuditUnavailable, match="holds no key; remove it"):
        KeyFolder(tmp_path).signing()
