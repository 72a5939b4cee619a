"""The gateway without an audit log, which it never is outside of this benchmark: no record is made, none is written.

`python -m tests.bench.unrecorded reverse ...` takes the arguments of the command.
"""

from __future__ import annotations

import sys

from addons.judging.recording import Recorder
from gateway.audit.writing.writer import AuditWriter
from gateway.cli.main import main


def _no_record(*_: object) -> dict[str, object]:
    return {}


def _not_written(*_: object) -> int:
    return 0


async def _not_waited_for(*_: object) -> int:
    return 0


if __name__ == "__main__":
    for name, instead in (("_decision", _no_record), ("_end", _no_record)):
        setattr(Recorder, name, instead)
    for name, write in (("append", _not_written), ("record", _not_waited_for)):
        setattr(AuditWriter, name, write)
    sys.exit(main(sys.argv[1:]))
