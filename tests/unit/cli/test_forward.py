from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from gateway.cli.forward import main
from gateway.cli.outcome import Unusable

if TYPE_CHECKING:
    from pathlib import Path


def test_a_taken_port_is_answered_with_the_option_that_chooses_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Unusable) as refused:
            main(["--listen", listen, "--state", str(tmp_path)])

    assert refused.value.problems == (
        f"listener `forward`: {listen} is taken by another process, choose another with `--listen`",
    )


def test_everything_that_is_in_the_way_is_said_at_once(tmp_path: Path) -> None:
    policy = tmp_path / "mine.yaml"
    policy.write_text("{version: 1, default: {action: alow}}", encoding="utf-8")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Unusable) as refused:
            main(["--listen", listen, "--policy", str(policy), "--state", str(tmp_path)])

    port, mistake = refused.value.problems
    assert "is taken by another process" in port
    assert mistake.startswith(f"{policy}:1:")
    assert "`alow`" in mistake


@pytest.mark.parametrize("listen", ["8080", "localhost:8080", "127.0.0.1:99999", "127.0.0.1"])
def test_an_address_that_makes_no_sense_is_refused_before_anything_is_opened(listen: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=listen):
        main(["--listen", listen, "--state", str(tmp_path / "state")])

    assert not (tmp_path / "state").exists()


def test_the_help_tells_the_defaults(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["--help"])

    shown = capsys.readouterr().out
    assert left.value.code == 0
    assert "127.0.0.1:8080" in shown
    assert "`corporate`" in shown
