"""Where the limits of one listener are counted: in this process alone, with other workers, with other gateways."""

from __future__ import annotations

from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING

from gateway.policy.limits import LimitTable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from gateway.limits.cluster.store import Store
    from gateway.limits.shared import SharedTable
    from gateway.policy.dues import Ledger
    from gateway.policy.limits import Limits, LimitSpec


@dataclass(frozen=True, slots=True)
class Counters:
    """What makes the counters of a policy, and where limits of the scope `cluster` are counted, if anywhere."""

    table: Callable[[Iterable[LimitSpec]], Limits] = LimitTable
    ledger: Ledger | None = None


def counters_of(listener: str, shared: SharedTable | None, store: Store | None) -> Counters:
    """The counters of a listener: in the memory that workers share, and in the store that gateways do, as there are.

    Workers count by the clock of the machine since it started, which is the same for all of them and never turned back.
    """
    ledger = None if store is None else store.ledger(listener)
    if shared is None:
        return Counters(ledger=ledger)
    return Counters(lambda specs: shared.limits(listener, specs, monotonic), ledger)
