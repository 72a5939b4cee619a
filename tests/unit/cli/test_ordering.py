from __future__ import annotations

import socket
import threading
from typing import TYPE_CHECKING

import pytest

from gateway.cli.ordering import ordered
from gateway.cli.outcome import Unusable
from gateway.control.channel import SOCKET, Order

if TYPE_CHECKING:
    from pathlib import Path


def saying(folder: Path, line: bytes, *, first: int = 0) -> threading.Thread:
    """Somebody who answers one order by this line; `first` so many come and say nothing."""
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(folder / SOCKET))
    listening.listen()

    def answer() -> None:
        for _ in range(first):
            listening.accept()[0].close()
        with listening, listening.accept()[0] as wire:
            wire.recv(1000)
            wire.sendall(line)

    thread = threading.Thread(target=answer)
    thread.start()
    return thread


@pytest.mark.parametrize("missing", ["", "socket", "listener"])
def test_where_no_gateway_is_at_work_that_is_said_with_the_way_out(missing: str, tmp_path: Path) -> None:
    if missing == "listener":
        with socket.socket(socket.AF_UNIX) as left:
            left.bind(str(tmp_path / SOCKET))

    with pytest.raises(Unusable, match=r"no gateway is at work in .*, name its state folder with `--state`"):
        ordered(tmp_path if missing else tmp_path / "nowhere", Order("cache.stats"))


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("gave no answer: it is no line", b""),
        ("gave no answer: it is no JSON", b"nonsense\n"),
        ("^not you$", b'{"refused": "not you"}\n'),
    ],
)
def test_what_the_gateway_refuses_or_cannot_say_is_told(said: str, line: bytes, tmp_path: Path) -> None:
    thread = saying(tmp_path, line)

    with pytest.raises(Unusable, match=said):
        ordered(tmp_path, Order("cache.stats"))
    thread.join()


def test_a_gateway_that_ends_while_it_is_asked_gave_no_answer(tmp_path: Path) -> None:
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / SOCKET))
    listening.listen()

    def end() -> None:
        with listening, listening.accept()[0] as wire:
            wire.recv(1)  # what it leaves unread makes the end a reset

    thread = threading.Thread(target=end)
    thread.start()

    with pytest.raises(Unusable, match="gave no answer"):
        ordered(tmp_path, Order("status"))
    thread.join()


def test_what_was_done_is_given_back(tmp_path: Path) -> None:
    thread = saying(tmp_path, b'{"done": {"answers": 2}}\n')

    assert ordered(tmp_path, Order("cache.purge", {"all": ""})) == {"answers": 2}
    thread.join()
