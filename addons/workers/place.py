"""What the supervisor gives a worker to start with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from addons.workers.crowd import SharedCrowd

if TYPE_CHECKING:
    from pathlib import Path

    from gateway.config.settings import Settings
    from gateway.control.inforce import KeptSet
    from gateway.control.returning import Returned
    from gateway.lists.shelf import Shelf


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """The place of the worker with this `number`, from 1.

    `settings` are those of the start, and `latest` those whose routes and upstreams were taken up since. `sockets` are
    the descriptors of all places, listener by listener; `log` is where records are taken, reached through the open
    `folder`; clients are counted in `shared`, under `secret`, what limits count in the table `limits`, and names of
    lists are on the `shelf`. `again` says that it is not the first in its place; then `kept` is what the others serve
    by, if that could be kept. `returned` is what all were started with, if not the present files.
    """

    number: int
    version: str
    configuration: str | None
    settings: Settings
    latest: Settings | None
    sockets: list[list[list[int]]]
    folder: int
    log: Path
    shared: int
    limits: int
    secret: bytes
    again: bool
    shelf: Shelf | None = None
    kept: KeptSet | None = None
    returned: Returned | None = None

    def crowd(self) -> SharedCrowd:
        """The clients of all workers, as this one counts them."""
        return SharedCrowd(self.settings.limits, self.shared, self.number - 1, len(self.sockets), self.secret)
