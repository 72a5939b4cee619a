"""A stock mitmdump that serves nobody: its options, its addons and its context are the real ones."""

from __future__ import annotations

import asyncio
import warnings
from typing import TYPE_CHECKING, Any

from mitmproxy.options import Options

if TYPE_CHECKING:
    from collections.abc import Callable


def with_mitmdump[T](use: Callable[[Any], T], **asked: Any) -> T:
    """Call `use` with a master whose options are as a user asked for them, beside one script."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # mitmproxy's own, about a library of its own
        from mitmproxy.tools.dump import DumpMaster  # noqa: PLC0415 - it warns when it is imported

    async def inside() -> T:
        master: Any = DumpMaster(Options(), with_termlog=False)
        try:
            master.options.update_known(**asked)
            put(master, "scripts", ["standalone.py"])
            return use(master)
        finally:
            master.should_exit.set()
            await master.done()

    return asyncio.run(inside())


def put(master: Any, name: str, value: object) -> None:
    """Give an option a value without telling the addons, who would look for the files in it."""
    master.options._options[name].set(value)  # noqa: SLF001 - every public way tells them
