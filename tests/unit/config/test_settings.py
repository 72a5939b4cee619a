from __future__ import annotations

from gateway.config.settings import LimitSettings


def test_the_limits_are_the_published_ones_if_nobody_says_otherwise() -> None:
    assert LimitSettings() == LimitSettings(
        head=32768,
        fields=100,
        target=8192,
        head_timeout=10.0,
        body=10485760,
        body_idle=30.0,
        body_rate=500,
        connections=10000,
        connections_per_client=200,
        keep_alive=75.0,
        connect_timeout=5.0,
        first_byte=60.0,
        answer_idle=60.0,
        tunnel_idle=3600.0,
    )
