"""Records as lines on the standard output, for whoever collects it: a container runtime, a service manager, a pipe."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from gateway.audit.export.payloads import lines_body
from gateway.audit.export.receivers import NotTaken
from gateway.audit.writing.errors import words

if TYPE_CHECKING:
    from collections.abc import Sequence

    from gateway.audit.export.forms import Message


class Stdout:
    """Writes to a descriptor; what the system has taken counts as taken."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor

    def deliver(self, messages: Sequence[Message]) -> None:
        """Write all of them. A pipe that is full is waited for."""
        rest = memoryview(lines_body(messages))
        try:
            while rest:
                rest = rest[os.write(self._descriptor, rest) :]
        except OSError as error:
            raise NotTaken(f"the standard output cannot be written: {words(error)}") from None

    def close(self) -> None:
        """It is not ours to close."""
