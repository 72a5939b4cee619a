from __future__ import annotations

import pytest
from mitmproxy.test import tflow

from addons.caching.attempts import Attempt, attach, attempt_of
from gateway.cache.cache import Cache
from gateway.cache.store import MemoryStore
from tests.unit.cache.exchanges import asked


def test_a_flow_finds_its_attempt_and_no_other() -> None:
    flow, other = tflow.tflow(), tflow.tflow()
    attempt = Attempt(Cache(MemoryStore(1, 1)), asked(), 0.0)

    attach(flow, attempt)

    assert attempt_of(flow) is attempt
    assert attempt_of(other) is None


@pytest.mark.parametrize(("method", "wanted"), [("GET", True), ("HEAD", False)])
def test_who_asks_for_the_head_gets_no_content(*, method: str, wanted: bool) -> None:
    assert Attempt(Cache(MemoryStore(1, 1)), asked(method=method), 0.0).wants_body is wanted
