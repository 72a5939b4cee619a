from __future__ import annotations

import secrets
import socket
from typing import TYPE_CHECKING

import pytest

from gateway.control.service_manager import SOCKET, tell

if TYPE_CHECKING:
    from pathlib import Path


def _heard(place: str, bound: str, state: str) -> bytes:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(bound)
        manager.settimeout(10)
        tell(state, {SOCKET: place})
        return manager.recv(100)


def test_the_manager_hears_a_state_at_the_path_it_named(tmp_path: Path) -> None:
    place = f"{tmp_path}/notify"

    assert _heard(place, place, "READY=1") == b"READY=1"


def test_the_manager_hears_a_state_in_the_abstract_name_space() -> None:
    name = f"wicketgate-{secrets.token_hex(8)}"

    assert _heard(f"@{name}", f"\0{name}", "STOPPING=1") == b"STOPPING=1"


@pytest.mark.parametrize(
    "place", ["", "relative", "vsock:1:2", "/nobody/listens/here", "@nobody-listens-here", f"/{'x' * 200}"]
)
def test_nobody_to_hear_it_is_no_reason_to_fail(place: str) -> None:
    tell("READY=1", {SOCKET: place})
    tell("READY=1", {})
