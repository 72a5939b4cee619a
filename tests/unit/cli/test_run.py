from __future__ import annotations

import socket
from contextlib import ExitStack
from typing import TYPE_CHECKING

import pytest

from gateway.cli.outcome import OK, Unusable
from gateway.cli.run import main

if TYPE_CHECKING:
    from pathlib import Path


def test_a_check_of_the_quick_start_names_what_would_run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    assert main(["--check", "--admin", "off", "--state", str(tmp_path / "s")]) == OK

    shown = capsys.readouterr().out
    assert "forward: forward on 127.0.0.1:8080\n" in shown
    assert "policy corporate" in shown
    assert "reverse: reverse on 127.0.0.1:8081\n" in shown
    assert "path below / -> app (http://127.0.0.1:8000)" in shown
    assert not (tmp_path / "state").exists()


def test_a_check_of_a_configuration_names_every_problem(tmp_path: Path) -> None:
    config = tmp_path / "wicketgate.yaml"
    config.write_text("version: 1\nworkers: 0\nlisteners: [{name: a, mode: sideways}]\n", encoding="utf-8")

    with pytest.raises(Unusable) as refused:
        main(["--config", str(config), "--check"])

    assert len(refused.value.problems) >= len(["workers", "mode", "bind", "policy"])
    assert all(problem.startswith(f"{config}:") for problem in refused.value.problems)


def test_a_configuration_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match=r"nowhere\.yaml:1:1  the file cannot be read: no such file"):
        main(["--config", str(tmp_path / "nowhere.yaml")])


def test_a_quick_start_on_taken_ports_names_all_of_them_and_starts_nothing(tmp_path: Path) -> None:
    with ExitStack() as taken:
        ports = [taken.enter_context(socket.create_server(("127.0.0.1", 0))).getsockname()[1] for _ in range(3)]
        forward, reverse, app = (f"127.0.0.1:{port}" for port in ports)

        with pytest.raises(Unusable) as refused:
            main(["--forward", forward, "--reverse", reverse, "--app", app, "--state", str(tmp_path / "state")])

    assert refused.value.problems == (
        f"listener `forward`: {forward} is taken by another process, choose another with `--forward`",
        f"listener `reverse`: {reverse} is taken by another process, choose another with `--reverse`",
        f"listener `app`: {app} is taken by another process, choose another with `--app`",
    )
    assert not (tmp_path / "state").exists()


def test_two_things_cannot_listen_on_one_address(tmp_path: Path) -> None:
    with pytest.raises(Unusable) as refused:
        main(["--forward", "127.0.0.1:1234", "--reverse", "127.0.0.1:1234", "--state", str(tmp_path)])

    assert "listener `reverse`: 127.0.0.1:1234 is wanted by `forward` as well" in refused.value.problems[0]
