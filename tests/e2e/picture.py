"""The picture of the dashboard in the documentation, taken of an hour of made-up traffic.

python -m tests.e2e.picture docs/images/dashboard.png [light|dark] [WIDTHxHEIGHT] [PATH]
"""

from __future__ import annotations

import json
import random
import socket
import sys
import threading
import time
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, Final

import uvicorn

from gateway.admin.app import build
from gateway.admin.brief import Brief
from gateway.admin.invitation import invite, link
from gateway.admin.token import ensure
from gateway.audit.records.ids import IdSource
from gateway.audit.records.times import timestamp
from tests.e2e.browser import chromium
from tests.unit.admin.engines import answering

if TYPE_CHECKING:
    from collections.abc import Iterator

_DECISIONS: Final = 1400
_BLOCKED: Final = (
    ("no-ads", "corporate.yaml:33", "GET", "ads.example", "/banner/728x90"),
    ("no-ads", "corporate.yaml:33", "GET", "metrics.tracker.example", "/collect"),
    ("no-malware", "corporate.yaml:28", "GET", "login-verify.example", "/account/confirm"),
    ("no-social", "corporate.yaml:41", "GET", "feed.social.example", "/home"),
    ("no-upload", "corporate.yaml:47", "POST", "drop.share.example", "/files"),
    ("builtin-special", None, "GET", "169.254.169.254", "/latest/meta-data/"),
)
_ALLOWED: Final = (
    ("GET", "docs.example", "/guide/start"),
    ("GET", "packages.example", "/simple/index"),
    ("POST", "mail.example", "/api/messages"),
    ("GET", "news.example", "/world"),
    ("GET", "git.example", "/team/project"),
)


def main() -> None:
    """Take it."""
    file, scheme, size, path = [*sys.argv[1:], *("dark", "1280x860", "/")[len(sys.argv) - 2 :]]
    width, height = map(int, size.split("x"))
    with TemporaryDirectory() as folder, _site(Path(folder)) as url, chromium() as browser:
        look = {"viewport": {"width": width, "height": height}, "reduced_motion": "reduce", "color_scheme": scheme}
        page = browser.new_context(**look).new_page()  # type: ignore[arg-type]  # a table of options
        page.goto(link(url, invite(Path(folder))))
        page.locator("#rows tbody tr").first.wait_for()
        page.goto(f"{url}{path}")
        page.locator(".card:visible, dialog[open] section").first.wait_for()
        page.wait_for_load_state("domcontentloaded")
        page.locator("#tops li, #policies .card, #system-body .card, #answer .card").first.wait_for()
        page.screenshot(path=file)


@contextmanager
def _site(state: Path) -> Iterator[str]:
    ensure(state)
    (state / "audit").mkdir()
    now = time.time()
    new = IdSource(lambda: now - 3600, bytes).next
    (state / "audit" / f"{new()}.jsonl").write_bytes(b"".join(_lines(now)))
    with answering(state, _engine(now)), socket.create_server(("127.0.0.1", 0)) as listening:
        config = uvicorn.Config(
            build(Brief(socket=0, state=str(state), version="0.1.0")), log_config=None, timeout_graceful_shutdown=1
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, args=([listening],))
        thread.start()
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        server.should_exit = True
        thread.join()


def _lines(now: float) -> Iterator[bytes]:
    """An hour of decisions, with a quarter in which more was blocked."""
    chance = random.Random(7)
    moments = sorted(now - 2 - 3590 * chance.random() for _ in range(_DECISIONS))
    new = IdSource(iter(moments).__next__, chance.randbytes).next
    for seq, moment in enumerate(moments, 1):
        is_busy = 0.55 < (now - moment) / 3600 < 0.75
        yield _line(seq, new(), moment, chance, chance.random() < (0.35 if is_busy else 0.12))


def _line(seq: int, name: str, moment: float, chance: random.Random, denied: bool) -> bytes:  # noqa: FBT001 - the verdict
    rule, place, method, host, path = (
        chance.choices(_BLOCKED, (8, 5, 3, 4, 1, 1))[0] if denied else (None, None, *chance.choice(_ALLOWED))
    )
    reason = "allowed-by-default" if rule is None else "guardrail" if place is None else "rule-deny"
    record = {
        "v": 1,
        "seq": seq,
        "time": timestamp(moment),
        "event": "decision",
        "id": name,
        "listener": "egress",
        "mode": "forward",
        "engine": "mitmproxy",
        "client": {
            "ip": f"10.1.{chance.choice((2, 2, 3))}.{chance.choice((7, 15, 15, 31, 44))}",
            "port": 50_000,
            "user": None,
        },
        "request": {"method": method, "scheme": "https", "host": host, "port": 443, "path": path, "query": {}},
        "decision": {
            "verdict": "deny" if denied else "allow",
            "reason": reason,
            "rule": rule,
            "place": place,
            "matched": [rule] if rule else [],
            "status": 403 if denied else None,
        },
        "policy": {"name": "corporate", "digest": f"sha256:{'17de59' * 10}"},
    }
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _engine(now: float) -> dict[str, Any]:
    parts = [{"what": "policy", "state": "loaded", "listener": "egress", "name": "corporate", "loaded": timestamp(now)}]
    audit = {"healthy": True, "trouble": None, "waiting": 0, "last": _DECISIONS}
    told = {"version": "0.1.0", "engine": "mitmproxy", "pid": 4711, "started": timestamp(now - 187_000), "workers": []}
    told |= {"uptime": 187_000.0, "ready": True, "draining": False, "connections": 312, "listeners": [], "audit": audit}
    return {"status": {**told, "reloads": {"parts": parts}}, "policies": {"policies": []}}


if __name__ == "__main__":
    main()
