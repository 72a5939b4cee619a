from __future__ import annotations

import socket
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from gateway.admin.invitation import accept
from gateway.cli.admin_side import problems_of, side
from gateway.cli.outcome import Unusable
from gateway.config.settings import AdminSettings, CertificateSettings, Settings
from gateway.policy.addresses import Address

if TYPE_CHECKING:
    from pathlib import Path


def settings(state: Path, bind: tuple[str, int] = ("127.0.0.1", 1)) -> Settings:
    return Settings(listeners=(), state=state, admin=AdminSettings(bind=(Address.parse(bind[0]), bind[1])))


def test_everything_in_the_way_is_told_at_once(tmp_path: Path) -> None:
    (tmp_path / "admin-token").write_text("short", encoding="ascii")
    (tmp_path / "metrics-token").mkdir()
    wanted = settings(tmp_path)
    shown = CertificateSettings(certificate=tmp_path / "a.pem", key=tmp_path / "a.key")
    assert wanted.admin is not None
    wanted = replace(wanted, admin=replace(wanted.admin, tls=shown))

    certificate, key, token, metrics = problems_of(wanted)

    assert [each.split(" ")[0] for each in (certificate, key)] == ["admin:", "admin:"]
    assert all("the file cannot be read: no such file" in each for each in (certificate, key))
    assert "admin-token` can be read by others" in token
    assert "metrics-token` cannot be read" in metrics
    assert problems_of(replace(wanted, admin=None)) == []


def test_a_port_that_was_taken_meanwhile_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        wanted = settings(tmp_path, ("127.0.0.1", taken.getsockname()[1]))
        with pytest.raises(Unusable, match="is taken by another process, choose another with `--admin`"):
            side(wanted, "1", list[str]().append, "--admin").__enter__()


def test_the_operator_learns_where_the_token_is_once_and_never_what_it_is(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said: list[str] = []
    for _ in range(2):
        with side(settings(tmp_path, ("127.0.0.1", port)), "1", said.append, "--admin"):
            socket.create_connection(("127.0.0.1", port), timeout=5).close()

    assert said == [f"the token of the admin side is in `{tmp_path / 'admin-token'}`"]


def test_who_sits_at_the_terminal_gets_a_link_that_works_once(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    said: list[str] = []
    with side(settings(tmp_path, ("127.0.0.1", port)), "1", said.append, "--admin", invites=True) as start:
        start()

    address, _, code = said[-1].rpartition(" ")[2].partition("/#sign-in=")
    assert address == f"http://127.0.0.1:{port}"
    assert accept(tmp_path, code)


def test_who_wants_none_gets_none(tmp_path: Path) -> None:
    with side(replace(settings(tmp_path), admin=None), "1", list[str]().append, "--admin") as start:
        start()

    assert list(tmp_path.iterdir()) == []
