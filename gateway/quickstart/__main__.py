"""Serve the quick start application: `python -m gateway.quickstart HOST PORT`, until standard input closes.

Standard input is the leash: whoever started this process holds the other end, and when that end closes, be it by
a clean stop or by a sudden death, the application stops as well. So no run leaves a server behind.
"""

from __future__ import annotations

import sys
import threading

import uvicorn

from gateway.quickstart.app import build


def main() -> None:
    """Serve until the leash is let go."""
    host, port = sys.argv[1], int(sys.argv[2])
    # Forwarded fields are shown as they arrive, so that anybody can see what the gateway made of them.
    config = uvicorn.Config(build(), host=host, port=port, log_level="warning", access_log=False, proxy_headers=False)
    server = uvicorn.Server(config)
    threading.Thread(target=_stop_with_standard_input, args=(server,), daemon=True).start()
    server.run()


def _stop_with_standard_input(server: uvicorn.Server) -> None:
    while sys.stdin.buffer.read(1):
        pass
    server.should_exit = True


if __name__ == "__main__":
    main()
