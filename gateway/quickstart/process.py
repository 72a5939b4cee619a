"""The quick start application as a child process: started, waited for, and ended with whoever started it."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

START_WITHIN: Final = 15.0
"""Seconds in which the application must accept connections."""
STOP_WITHIN: Final = 3.0
"""Seconds which it gets to end by itself."""
_ASK_EVERY: Final = 0.05


class NotStarted(Exception):  # noqa: N818 - it says what happened
    """The application does not run; the text says why, in words for people."""


@contextmanager
def application(host: str, port: int) -> Iterator[None]:
    """Serve the application on `host`:`port` within this block. Raises NotStarted."""
    # -P: nothing in the current folder is taken for a module. An own session: the terminal's Ctrl-C is not for it.
    command = [sys.executable, "-P", "-m", "gateway.quickstart", host, str(port)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True) as child:  # noqa: S603 - our own module, no shell
        try:
            _wait_until_it_accepts(child, host, port)
            yield
        finally:
            _let_go(child)


def _wait_until_it_accepts(child: subprocess.Popen[bytes], host: str, port: int) -> None:
    give_up = time.monotonic() + START_WITHIN
    while time.monotonic() < give_up:
        if child.poll() is not None:
            raise NotStarted(f"the quick start application ended at once with code {child.returncode}")
        try:
            socket.create_connection((host, port), timeout=1.0).close()
        except OSError:
            time.sleep(_ASK_EVERY)
        else:
            return
    raise NotStarted(f"the quick start application does not answer on {host}:{port}")


def _let_go(child: subprocess.Popen[bytes]) -> None:
    if child.stdin is not None:
        child.stdin.close()
    try:
        child.wait(STOP_WITHIN)
    except subprocess.TimeoutExpired:
        child.kill()
