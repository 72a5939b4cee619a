"""What holds for the whole process: its engine, its workers, its folder, and whom people may ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from gateway.config.sections.common import only
from gateway.policy.language.scalars import integer, text

if TYPE_CHECKING:
    from gateway.policy.language.shapes import Shape

MOST_WORKERS: Final = 64
ENGINE: Final[Shape[Literal["mitmproxy"]]] = only("mitmproxy", "envoy")
WORKERS: Final = integer(1, MOST_WORKERS, f"a number of processes from 1 to {MOST_WORKERS}, best one per core")
CONTACT: Final = text("whom to ask, like `it@example.com`")
STATE: Final = text("the path of a folder")
