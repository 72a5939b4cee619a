"""The admin process: `python -m gateway.admin BRIEF`, until standard input closes.

Standard input is the leash that the gateway holds: when that lets go, be it by a clean stop or by a sudden death, this
process ends as well. It gives way to the engine wherever both want the processor.
"""

from __future__ import annotations

import logging
import os
import socket
import sys
import threading
from contextlib import suppress
from pathlib import Path

import uvicorn

from gateway.admin.app import build
from gateway.admin.brief import Brief
from gateway.admin.certificate import Presented
from gateway.admin.deadline import Bounded
from gateway.logs.operator import operator_log

_NICENESS = 5
_AT_ONCE = 128
_LEASH = 0
_STANDARD_ERROR = 2
_log = logging.getLogger("gateway.admin")


def main() -> None:
    """Serve until the leash is let go."""
    brief = Brief.read(sys.argv[1])
    with suppress(OSError):
        os.nice(_NICENESS)
    with operator_log(brief.spoken, _STANDARD_ERROR):
        try:
            _serve(brief)
        except Exception:  # noqa: BLE001 - whatever it is, it is told in the one form and ends the process
            _log.exception("the admin side failed")
            sys.exit(1)


def _serve(brief: Brief) -> None:
    presented = Presented(Path(brief.certificate), Path(brief.key)) if brief.is_encrypted else None
    config = uvicorn.Config(
        build(brief),
        http=Bounded,
        ws="none",
        lifespan="on",
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        limit_concurrency=_AT_ONCE,
        timeout_graceful_shutdown=1,
        h11_max_incomplete_event_size=32 * 1024,
        ssl_context_factory=None if presented is None else lambda _config, _usual: presented.context(),
    )
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_with_standard_input, args=(server,), daemon=True).start()
    if presented is not None:
        threading.Thread(target=presented.watch, daemon=True).start()
    server.run(sockets=[socket.socket(fileno=brief.socket)])


def _stop_with_standard_input(server: uvicorn.Server) -> None:
    while os.read(_LEASH, 1):  # not through `sys.stdin`, whose lock would be in the way of an end
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
