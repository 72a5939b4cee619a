"""The gateway without an audit log, which it never is outside of this benchmark: no record is made, none is written.

`python -m tests.bench.unrecorded reverse ...` takes the arguments of the command.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from addons.judging.recording import Recorder
from gateway.audit.writing.writer import AuditWriter
from gateway.cli.main import main

if TYPE_CHECKING:
    from addons.judging.exchange import Exchange
    from gateway.policy.model import Decision


def _no_record(*_: object) -> dict[str, object]:
    return {}


def _no_decision(_: Recorder, exchange: Exchange, decision: Decision, __: int | None) -> dict[str, object]:
    exchange.gate.fired.note(decision)  # is done there, and is no part of recording
    return {}


def _not_written(*_: object) -> int:
    return 0


async def _not_waited_for(*_: object) -> int:
    return 0


if __name__ == "__main__":
    for name, instead in (("_decision", _no_decision), ("_end", _no_record)):
        setattr(Recorder, name, instead)
    for name, write in (("append", _not_written), ("record", _not_waited_for)):
        setattr(AuditWriter, name, write)
    sys.exit(main(sys.argv[1:]))
