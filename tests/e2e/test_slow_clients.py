"""Hundreds of clients that are as slow as can be: a fast one beside them is served, and they get what they earn."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Final

import pytest

from tests.e2e.commands import until
from tests.e2e.dripping import KINDS, MARK, dripping
from tests.e2e.gateway import gateway
from tests.e2e.origins import RecordingOrigin
from tests.e2e.wire import get

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.e2e

POLICY: Final = "version: 1\nname: open\ndefault: {action: allow}\nunsafe_destinations: [127.0.0.0/8]\n"
SLOW: Final = 300
FAST: Final = 100
LIMITS: Final = {"head_timeout": "4s", "body_idle": "4s", "body_rate": "1kB", "keep_alive": "4s"}


def test_hundreds_of_slow_clients_are_ended_and_a_fast_one_is_served_all_the_while(tmp_path: Path) -> None:
    with RecordingOrigin() as origin:
        upstreams = [f"http://127.0.0.1:{origin.port}"]
        with gateway(tmp_path, reverse=POLICY, upstreams=upstreams, settings={"limits": LIMITS}) as guard:
            with dripping(guard.reverse, SLOW, every=0.2) as slow, guard.front() as fast:
                beside = [fast.ask(get("/fast", "shop.example")).status]
                still_open = Counter(each.kind for each in slow if not each.is_over)
                beside += [fast.ask(get("/fast", "shop.example")).status for _ in range(FAST - 1)]
                until(lambda: all(each.is_over for each in slow), "slow clients were waited for")
                told = Counter(each.told for each in slow)
            with guard.front() as fast:
                after = fast.ask(get("/fast", "shop.example")).status
            ends = Counter(each["reason"] for each in guard.records() if each["event"] == "end")
            denied = Counter(
                each["decision"]["reason"]
                for each in guard.records()
                if each["event"] == "decision" and each["decision"]["verdict"] == "deny"
            )

        whole = Counter(request.split(b" ")[1] for request in origin.requests)
        heads = origin.received.count(b"GET " + MARK)

    each_kind = SLOW // len(KINDS)
    assert (beside, after) == ([200] * FAST, 200)
    assert set(still_open) == set(KINDS)
    assert told == {("head", 408): each_kind, ("body", 408): each_kind, ("idle", 0): each_kind}
    assert (ends["body-timeout"], denied) == (each_kind, {"head-timeout": each_kind})
    assert (whole, heads) == ({b"/fast": FAST + 1}, 0)
