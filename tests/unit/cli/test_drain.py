from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.drain import main
from gateway.cli.outcome import Unusable
from tests.unit.cli.test_ordering import saying

if TYPE_CHECKING:
    from pathlib import Path


def test_it_waits_until_nobody_answers_any_more(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    thread = saying(tmp_path, b'{"done": {"connections": 3, "seconds": 5}}\n')

    assert main(["--state", str(tmp_path), "--timeout", "5s"]) == 0
    thread.join()
    assert capsys.readouterr().out == "draining: 3 connections, at most 5 s\nthe gateway has stopped\n"


@pytest.mark.parametrize("timeout", ["-1", "soon", "3601", "nan"])
def test_a_time_that_is_none_drains_nothing(timeout: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--state", str(tmp_path), f"--timeout={timeout}"])

    assert left.value.code == 2
    assert "is no number of seconds from 0 to 3600" in capsys.readouterr().err


def test_without_a_gateway_there_is_nothing_to_drain(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no gateway is at work in"):
        main(["--state", str(tmp_path)])
