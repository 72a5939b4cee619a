from __future__ import annotations

from gateway.admin.attempts import OF_ALL, OF_ONE, Attempts


def test_an_address_waits_after_too_many_wrong_tokens_and_others_do_not() -> None:
    now = [0.0]
    attempts = Attempts(lambda: now[0])
    for _ in range(OF_ONE.burst):
        assert attempts.wait("192.0.2.1") == 0
        attempts.failed("192.0.2.1")

    assert attempts.wait("192.0.2.1") == 6
    assert attempts.wait("192.0.2.2") == 0
    now[0] = 6.0
    assert attempts.wait("192.0.2.1") == 0


def test_many_addresses_together_wait_as_well() -> None:
    attempts = Attempts(lambda: 0.0)
    for number in range(OF_ALL.burst):
        attempts.failed(f"192.0.2.{number}")

    assert attempts.wait("198.51.100.1") == 1
