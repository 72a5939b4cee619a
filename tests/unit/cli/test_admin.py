from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from gateway.admin.invitation import accept, invite
from gateway.admin.token import METRICS, ensure, read
from gateway.cli.admin import main
from gateway.cli.outcome import Unusable

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(("name", "more"), [("admin-token", []), (METRICS, ["--metrics"])])
def test_a_token_is_shown_and_another_one_made(
    name: str, more: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ensure(tmp_path, name)
    before = read(tmp_path, name).decode()

    assert main(["token", "--state", str(tmp_path), *more]) == 0
    assert capsys.readouterr().out == f"{before}\n"
    assert main(["rotate", "--state", str(tmp_path), *more]) == 0
    assert read(tmp_path, name).decode() not in {before, capsys.readouterr().out}


def test_a_link_is_made_for_where_the_browser_finds_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["link", "--state", str(tmp_path), "--at", "https://gate.example:8443/"]) == 0

    address, _, code = capsys.readouterr().out.strip().partition("#sign-in=")
    assert address == "https://gate.example:8443/"
    assert accept(tmp_path, code)
    with pytest.raises(Unusable, match="is no address of an admin side"):
        main(["link", "--state", str(tmp_path), "--at", "gate.example"])
    with pytest.raises(Unusable, match="is no folder"):
        main(["link", "--state", str(tmp_path / "nowhere")])


def test_a_link_that_nobody_used_goes_with_the_token(tmp_path: Path) -> None:
    ensure(tmp_path)
    code = invite(tmp_path)

    assert main(["rotate", "--state", str(tmp_path)]) == 0
    assert not accept(tmp_path, code)


def test_where_there_is_none_it_is_said(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="is no folder"):
        main(["token", "--state", str(tmp_path / "nowhere")])
    with pytest.raises(Unusable, match="cannot be read"):
        main(["token", "--state", str(tmp_path)])
