from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.cli.completion import FILES, main

if TYPE_CHECKING:
    from collections.abc import Mapping

BEGINNINGS: Mapping[str, str] = {
    "bash": "# AUTOMATICALLY GENERATED",
    "zsh": "#compdef wicketgate",
    "fish": "# AUTOMATICALLY",
}


@pytest.mark.parametrize("shell", FILES)
def test_the_script_of_a_shell_is_printed_whole(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    code = main([shell])
    shown = capsys.readouterr()

    assert (code, shown.err) == (0, "")
    assert shown.out.startswith(BEGINNINGS[shell])
    assert all(verb in shown.out for verb in ("forward", "reverse", "verify-proof"))


def test_a_shell_that_nobody_wrote_for_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as left:
        main(["powershell"])

    assert left.value.code == 2
    assert "choose from" in capsys.readouterr().err
