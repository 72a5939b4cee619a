from __future__ import annotations

import socket
from typing import TYPE_CHECKING

import pytest

from gateway.cli.outcome import WRONG_USAGE, Unusable
from gateway.cli.reverse import main

if TYPE_CHECKING:
    from pathlib import Path


def test_a_gateway_in_front_of_nothing_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main([])

    assert left.value.code == WRONG_USAGE
    assert "URL" in capsys.readouterr().err


@pytest.mark.parametrize("url", ["127.0.0.1:8000", "ftp://127.0.0.1/", "http://127.0.0.1:8000/app", "http://a b/"])
def test_what_is_no_server_is_refused_before_anything_is_opened(url: str, tmp_path: Path) -> None:
    with pytest.raises(Unusable):
        main([url, "--state", str(tmp_path / "state")])

    assert not (tmp_path / "state").exists()


def test_a_taken_port_is_answered_with_the_option_that_chooses_another(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        listen = f"127.0.0.1:{taken.getsockname()[1]}"

        with pytest.raises(Unusable) as refused:
            main(["http://127.0.0.1:8000", "--listen", listen, "--state", str(tmp_path)])

    assert refused.value.problems == (
        f"listener `reverse`: {listen} is taken by another process, choose another with `--listen`",
    )
