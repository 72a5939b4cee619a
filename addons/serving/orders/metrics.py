"""The order `metrics`: every number of this moment, as `gateway.metrics.snapshot` reads it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from addons.serving.control import Refused

if TYPE_CHECKING:
    from collections.abc import Mapping

    from addons.serving.control import Caller, Verb
    from addons.serving.measuring import Measuring


@dataclass(frozen=True, slots=True)
class MetricsOrder:
    """Tells what `measuring` finds."""

    measuring: Measuring

    @property
    def verbs(self) -> dict[str, Verb]:
        """By the words that they are given with."""
        return {"metrics": self.tell}

    async def tell(self, _caller: Caller, given: Mapping[str, str]) -> dict[str, Any]:
        """All of them. Raises Refused for what it has no use for."""
        if given:
            raise Refused("there is nothing to choose, all is told")
        return self.measuring.snapshot().as_data()
