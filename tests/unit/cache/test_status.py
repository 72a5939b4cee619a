from __future__ import annotations

import pytest

from gateway.cache.status import CacheStatus


@pytest.mark.parametrize(
    ("status", "text"),
    [
        (CacheStatus(hit=True, left=29.9), "gateway; hit; ttl=29"),
        (CacheStatus(hit=True, left=-0.5), "gateway; hit; ttl=-1"),
        (CacheStatus(forwarded="uri-miss", stored=True), "gateway; fwd=uri-miss; stored"),
        (CacheStatus(forwarded="stale", status=304, left=60.0), "gateway; fwd=stale; fwd-status=304; ttl=60"),
        (CacheStatus(forwarded="uri-miss", collapsed=True), "gateway; fwd=uri-miss; collapsed"),
        (CacheStatus(forwarded="uri-miss", detail="cookie"), 'gateway; fwd=uri-miss; detail="cookie"'),
    ],
)
def test_it_says_what_the_cache_did(status: CacheStatus, text: str) -> None:
    assert str(status) == text
