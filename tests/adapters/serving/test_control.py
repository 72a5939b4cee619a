from __future__ import annotations

import asyncio
import os
import socket
import stat
import threading
from typing import TYPE_CHECKING, Any

import pytest

from addons.serving.control import Caller, Control, Refused
from gateway.cli.ordering import ordered
from gateway.cli.outcome import Unusable
from gateway.control.channel import MOST, SOCKET, Order, read_outcome

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

PATIENCE = 15.0


async def echo(caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
    await asyncio.sleep(0)
    if "refuse" in given:
        raise Refused("not today")
    if "fail" in given:
        raise RuntimeError("inside")
    return {"uid": caller.uid, "pid": caller.pid, **given}


@pytest.fixture
def state(tmp_path: Path) -> Iterator[Path]:
    """The state folder of a process that listens to orders; its path is longer than that of a socket may be."""
    folder = tmp_path / ("deep" * 30)
    folder.mkdir(mode=0o700)
    loop, control, ready = asyncio.new_event_loop(), Control(folder, {"echo": echo}), threading.Event()
    end = asyncio.Event()

    async def serve() -> None:
        await control.open()
        ready.set()
        await end.wait()
        await control.close()

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert ready.wait(PATIENCE)
    yield folder
    loop.call_soon_threadsafe(end.set)
    thread.join(PATIENCE)
    loop.close()
    assert not (folder / SOCKET).exists()


def say(state: Path, line: bytes) -> str | None:
    """What is refused, and why, when this is said."""
    folder = os.open(state, os.O_RDONLY)
    with socket.socket(socket.AF_UNIX) as wire:
        wire.settimeout(PATIENCE)
        wire.connect(f"/proc/self/fd/{folder}/{SOCKET}")
        os.close(folder)
        wire.sendall(line)
        wire.shutdown(socket.SHUT_WR)
        with wire.makefile("rb") as answers:
            return read_outcome(answers.readline()).refused


def test_an_order_is_carried_out_for_whom_the_kernel_names(state: Path) -> None:
    done = ordered(state, Order("echo", {"a": "b", "uid": "0"}))

    assert done == {"uid": "0", "pid": os.getpid(), "a": "b"}
    assert ordered(state, Order("echo"))["uid"] == os.geteuid()


def test_the_socket_is_for_its_owner_alone(state: Path) -> None:
    found = (state / SOCKET).stat()

    assert stat.S_ISSOCK(found.st_mode)
    assert stat.S_IMODE(found.st_mode) == 0o600


@pytest.mark.parametrize(
    ("said", "given"),
    [("not today", {"refuse": ""}), ("the order failed inside of the gateway, its log says how", {"fail": ""})],
)
def test_what_is_refused_or_fails_is_said_and_the_next_order_is_carried_out(
    said: str, given: dict[str, str], state: Path
) -> None:
    with pytest.raises(Unusable, match=said):
        ordered(state, Order("echo", given))
    assert ordered(state, Order("echo", {"a": "b"}))["a"] == "b"


@pytest.mark.parametrize(
    ("said", "line"),
    [
        ("there is no order `reboot`, it is one of echo", b'{"do": "reboot"}\n'),
        ("it is no JSON", b"purge everything\n"),
        ("it is no line", b""),
        ("it is no line", b'{"do": "echo"}'),
        ("longer than", b"x" * (2 * MOST) + b"\n"),
    ],
)
def test_what_is_no_order_is_refused_with_the_reason(said: str, line: bytes, state: Path) -> None:
    assert said in (say(state, line) or "")


@pytest.mark.parametrize(("uid", "may"), [(os.geteuid(), True), (0, True), (os.geteuid() + 12345, False)])
def test_only_the_user_of_the_gateway_and_root_may_order(*, uid: int, may: bool) -> None:
    assert Caller(uid, 1).may is may


def test_another_gateway_takes_the_place_of_one_that_was_killed(tmp_path: Path) -> None:
    left = socket.socket(socket.AF_UNIX)
    left.bind(str(tmp_path / SOCKET))
    left.close()

    async def scene() -> dict[str, Any]:
        control = Control(tmp_path, {"echo": echo})
        await control.open()
        try:
            return await asyncio.to_thread(ordered, tmp_path, Order("echo"))
        finally:
            await control.close()

    assert asyncio.run(scene())["uid"] == os.geteuid()
    with pytest.raises(Unusable, match="no gateway is at work in"):
        ordered(tmp_path, Order("echo"))
