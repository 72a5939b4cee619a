from __future__ import annotations

import pytest

from gateway.upstreams.pools.retries import IDEMPOTENT, Failure, is_repeatable


@pytest.mark.parametrize("method", ["GET", "POST", "PATCH"])
@pytest.mark.parametrize("body_begun", [False, True])
def test_what_never_reached_a_server_may_go_to_another(method: str, body_begun: bool) -> None:  # noqa: FBT001 - a column of the table
    assert is_repeatable(Failure.NOT_REACHED, method, body_begun=body_begun)


@pytest.mark.parametrize("failure", [Failure.BROKEN_OFF, Failure.OVERLOADED])
def test_what_may_have_been_done_is_done_again_only_if_that_changes_nothing(failure: Failure) -> None:
    methods = ["GET", "HEAD", "OPTIONS", "TRACE", "PUT", "DELETE", "POST", "PATCH", "CONNECT", "get", "LOCK"]

    assert {each for each in methods if is_repeatable(failure, each, body_begun=False)} == IDEMPOTENT
    assert not any(is_repeatable(failure, each, body_begun=True) for each in methods)
