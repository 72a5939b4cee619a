"""Who asked for a start with what was in force last, and where that is looked for."""

from __future__ import annotations

import time
from argparse import Namespace
from pathlib import Path

import pytest

from gateway.cli.last_good import last_good
from gateway.cli.options import STATE
from gateway.cli.outcome import Unusable
from gateway.config.load import load_settings
from gateway.control.inforce import Keeper

_TEXT = "version: 1\nstate: here\nlisteners: [{name: shop, mode: forward, bind: 127.0.0.1:8443, policy: shop.yaml}]\n"
_FAILED = Unusable("shop.yaml: no policy")


def _kept(folder: Path, more: str = "") -> Namespace:
    """What was said on the command line about a configuration of which a set was kept."""
    file, policy = folder / "wicketgate.yaml", folder / "shop.yaml"
    file.write_text(_TEXT + more, encoding="utf-8")
    policy.write_text("p", encoding="utf-8")
    files = {"policy:shop": [policy], "trust": [], "configuration": [file]}
    (folder / "here").mkdir()
    Keeper(folder / "here").keep(files, dict.fromkeys(files, time.time() + 60), 3.0)
    return Namespace(config=file, last_good=False, state=STATE, log_format=None)


def test_a_strict_start_stays_one_and_names_the_way_out(tmp_path: Path) -> None:
    given = _kept(tmp_path)

    for settings in (load_settings(given.config), None):
        with pytest.raises(Unusable) as refused:
            last_good(given, settings, _FAILED)
        assert refused.value.problems == (
            *_FAILED.problems,
            f"to start with what was in force last: `wicketgate run --last-good --config {given.config}`",
        )


@pytest.mark.parametrize("broken", [_TEXT.replace("shop.yaml}]", ""), "version: 2\nstate: here # now\n"])
def test_the_configuration_that_was_kept_may_ask_for_it(
    tmp_path: Path, broken: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = _kept(tmp_path, "reload: {start: last-good}\n")
    given.config.write_text(broken, encoding="utf-8")

    found = last_good(given, None, _FAILED)

    assert (found.because, found.settings.state) == (_FAILED.problems, tmp_path / "here")
    said = capsys.readouterr().err
    assert "shop.yaml: no policy\n" in said
    assert "THE GATEWAY STARTS WITH WHAT WAS IN FORCE LAST, kept 1970-01-01T00:00:03" in said


def test_whoever_asks_and_has_nothing_is_told_of_both(tmp_path: Path) -> None:
    given = _kept(tmp_path)
    given.last_good, given.state = True, Path(tmp_path / "elsewhere")

    with pytest.raises(
        Unusable, match="no policy\nwhat was in force last cannot be used either: nothing was ever kept"
    ):
        last_good(given, None, _FAILED)
    given.state = tmp_path / "here"
    assert last_good(given, None, _FAILED).kept.since == 3.0
