"""HTTP of the admin side with a deadline for whoever asks nothing: uvicorn waits for the head of a request for ever.

As many connections as it takes are soon opened by anybody on this machine; without a deadline those that say nothing
would keep its operator out for as long as they like.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, override

from uvicorn.protocols.http.h11_impl import H11Protocol

if TYPE_CHECKING:
    from asyncio import Transport

    from uvicorn.protocols.http.h11_impl import RequestResponseCycle

PATIENCE: Final = 5.0
"""Seconds that a connection may be open without a request being under way; up to twice as many behind a request."""


class Bounded(H11Protocol):
    """Closes a connection on which nothing has been asked for between two looks."""

    patience = PATIENCE

    @override
    def connection_made(self, transport: Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(transport)
        self.loop.call_later(self.patience, self._look, None)

    def _look(self, before: RequestResponseCycle | None) -> None:
        """Close it if it was idle behind the same request at the last look, too."""
        cycle: RequestResponseCycle | None = vars(self)[
            "cycle"
        ]  # None before the first one, which uvicorn's types deny
        if self.transport.is_closing():
            return
        is_idle = cycle is None or cycle.response_complete
        if is_idle and cycle is before:
            self.transport.close()
        else:
            self.loop.call_later(self.patience, self._look, cycle if is_idle else None)
