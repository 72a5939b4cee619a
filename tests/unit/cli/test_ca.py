from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from gateway.authority.keeping import load_or_make
from gateway.cli.ca import main
from gateway.cli.outcome import OK, WRONG_USAGE, Unusable

if TYPE_CHECKING:
    from pathlib import Path


def test_without_a_verb_the_usage_is_wrong(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])

    assert left.value.code == WRONG_USAGE
    assert "show|make|export|rotate|import" in capfd.readouterr().err


def test_two_steps_of_a_rotation_cannot_be_taken_at_once(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["rotate", "--activate", "--retire"])

    assert left.value.code == WRONG_USAGE
    assert "not allowed with argument" in capfd.readouterr().err


def test_every_verb_does_its_work_in_the_folder_that_is_named(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    made = load_or_make(tmp_path / "ca")

    for verb in (["rotate", "--format", "json"], ["show", "--format", "json"]):
        assert main([*verb, "--state", str(tmp_path)]) == OK
        shown = json.loads(capfd.readouterr().out)["authorities"]
        assert [each["role"] for each in shown] == ["signing", "next"]
        assert shown[0]["sha256"] == made.fingerprint


def test_what_is_wrong_with_an_authority_leaves_as_words(tmp_path: Path) -> None:
    load_or_make(tmp_path / "ca")
    (tmp_path / "ca" / "signing.key").write_text("nothing of the kind", encoding="utf-8")

    with pytest.raises(Unusable, match=r"signing\.key` holds no certificate in PEM"):
        main(["show", "--state", str(tmp_path)])
