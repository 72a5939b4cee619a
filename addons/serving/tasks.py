"""Tasks that somebody keeps: asyncio itself holds a running task by a weak reference alone."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Coroutine


def spawn(
    work: Coroutine[Any, Any, None], kept: set[asyncio.Task[None]], *, at_once: bool = False
) -> asyncio.Task[None]:
    """Run `work` as a task that is in `kept` until it is done; `at_once`, as far as it goes without waiting."""
    task = asyncio.Task(work, loop=asyncio.get_running_loop(), eager_start=at_once)
    if not task.done():
        kept.add(task)
        task.add_done_callback(kept.discard)
    return task
