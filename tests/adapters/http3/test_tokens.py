from __future__ import annotations

import pytest

from addons.http3.tokens import LIFETIME, Tokens

SPOT = ("192.0.2.1", 4433)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def tokens(clock: Clock) -> Tokens:
    return Tokens(bytes(32), clock)


def test_a_token_holds_what_would_have_had_to_be_remembered(tokens: Tokens) -> None:
    assert tokens.read(SPOT, tokens.make(SPOT, b"original", b"retried!")) == (b"original", b"retried!")


@pytest.mark.parametrize("spot", [("192.0.2.2", 4433), ("192.0.2.1", 4434)])
def test_a_token_is_good_for_nobody_else(spot: tuple[str, int], tokens: Tokens) -> None:
    assert tokens.read(spot, tokens.make(SPOT, b"original", b"retried!")) is None


@pytest.mark.parametrize("at", range(50))
def test_a_token_that_was_changed_is_none(at: int, tokens: Tokens) -> None:
    token = bytearray(tokens.make(SPOT, b"original", b"retried!"))
    token[at % len(token)] ^= 1

    assert tokens.read(SPOT, bytes(token)) is None


@pytest.mark.parametrize("token", [b"", b"x", bytes(40), bytes(41)])
def test_noise_is_no_token(token: bytes, tokens: Tokens) -> None:
    assert tokens.read(SPOT, token) is None


@pytest.mark.parametrize(("later", "is_good"), [(LIFETIME - 0.1, True), (LIFETIME + 0.1, False)])
def test_a_token_is_good_for_a_moment(later: float, is_good: bool, tokens: Tokens, clock: Clock) -> None:  # noqa: FBT001 - a parameter of the test
    token = tokens.make(SPOT, b"original", b"retried!")
    clock.now += later

    assert (tokens.read(SPOT, token) is not None) is is_good


def test_a_token_of_another_process_is_none(tokens: Tokens, clock: Clock) -> None:
    other = Tokens(b"\x01" * 32, clock)

    assert tokens.read(SPOT, other.make(SPOT, b"original", b"retried!")) is None
