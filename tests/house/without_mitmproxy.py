"""A pytest plugin (`-p tests.house.without_mitmproxy`): here nobody can import the proxy engine.

What runs under it runs where mitmproxy is not installed.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Sequence
    from importlib.machinery import ModuleSpec
    from types import ModuleType

ABSENT: Final = frozenset({"mitmproxy", "mitmproxy_rs", "addons"})


class _Absent:
    """Says of every module of the engine that there is none."""

    @staticmethod
    def find_spec(name: str, _path: Sequence[str] | None, _target: ModuleType | None = None) -> ModuleSpec | None:
        if name.partition(".")[0] in ABSENT:
            raise ModuleNotFoundError(f"{name} is not installed here", name=name)
        return None


sys.meta_path.insert(0, _Absent())
