"""The store in which gateways count limits together, opened with what the configuration says; its changes are told."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from gateway.audit.records.events import store_record
from gateway.audit.writing.errors import AuditUnavailable
from gateway.limits.cluster.connecting import connect
from gateway.limits.cluster.rules import StoreRules, credentials_of, naming_secret, prefix_of
from gateway.limits.cluster.store import Store
from gateway.policy.errors import Malformed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from gateway.audit.records.record import Record
    from gateway.config.settings import LimitsStoreSettings
    from gateway.limits.cluster.rules import OnFailure

_INSTEAD: Final = {
    "closed": "what it counts is refused meanwhile",
    "local": "every machine counts alone meanwhile",
}
_log: Final = logging.getLogger(__name__)


class Teller:
    """Records that the store went away or is back, and says so to the operator, once each."""

    def __init__(
        self, settings: LimitsStoreSettings, record: Callable[[Record], object], clock: Callable[[], float]
    ) -> None:
        self._settings: Final = settings
        self._record: Final = record
        self._clock: Final = clock
        self.said: Callable[[str], None] = _log.info
        self.counts_alone: Callable[[], bool] = lambda: settings.on_failure == "local"

    def told(self, is_back: bool, why: str) -> None:  # noqa: FBT001 - the two things that there are to tell
        """It is back, or away: `why`, in words."""
        name, instead = str(self._settings.address), self._instead()
        detail = why or "it can be read and written"
        self.said(
            f"limits_store: {name} is back, gateways count together again"
            if is_back
            else f"limits_store: {name} is away: {why}; {_INSTEAD[instead]}"
        )
        with suppress(AuditUnavailable):
            self._record(
                store_record(
                    store=name,
                    standing="back" if is_back else "away",
                    instead=instead,
                    detail=detail,
                    now=self._clock(),
                )
            )

    def _instead(self) -> OnFailure:
        return "local" if self.counts_alone() else "closed"


@dataclass(frozen=True, slots=True)
class Counting:
    """The store, and who tells of it."""

    store: Store
    teller: Teller


def counting_of(
    settings: LimitsStoreSettings | None, record: Callable[[Record], object], clock: Callable[[], float]
) -> Counting | None:
    """The store of a configuration, if it names one; not opened yet. Raises Malformed, without a word of a secret."""
    if settings is None:
        return None
    teller = Teller(settings, record, clock)
    return Counting(store_of(settings, os.environ, teller), teller)


def store_of(settings: LimitsStoreSettings, environ: Mapping[str, str], teller: Teller) -> Store:
    """The store of a configuration, not opened yet. Raises Malformed with what is wrong, and no word of a secret."""
    try:
        prefix = prefix_of(settings.prefix)
        rules = StoreRules(
            name=str(settings.address),
            patience=settings.timeout,
            on_failure=settings.on_failure,
            prefix=prefix,
            secret=naming_secret(settings.secret, prefix, environ),
        )
        credentials = credentials_of(settings.credentials, environ)
        client = connect(settings.address, credentials, settings.trust, settings.timeout)
    except Malformed as error:
        raise Malformed(f"limits_store: {error}") from None
    store = Store(client, rules, teller.told)
    teller.counts_alone = lambda: store.counts_alone
    return store
