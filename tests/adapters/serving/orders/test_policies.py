from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from gateway.policy.errors import Malformed
from tests.adapters.serving.orders.asked import Asked, asking
from tests.e2e.origin import client, read_answer, status_of

if TYPE_CHECKING:
    from pathlib import Path


def refused(ask: Asked) -> int:
    """The status of a request that a rule denies."""
    with client(ask.gateway.reverse) as wire:
        wire.sendall(b"GET /refused HTTP/1.1\r\nHost: shop.example\r\n\r\n")
        return status_of(read_answer(wire))


def test_every_clause_says_where_it_stands_and_how_often_it_had_a_say(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        assert refused(ask) == 403
        forward, reverse = ask("policies")["policies"]

    rules = {each["id"]: each for each in reverse["rules"]}
    assert (rules["no-uploads"]["decided"], rules["no-uploads"]["kind"]) == (1, "deny")
    assert ":" in rules["no-uploads"]["place"]
    assert rules["per-client"]["kind"] == "limit"
    assert "no-uploads" not in reverse["never_fired"]
    assert {"no-uploads", "builtin-special"} <= set(forward["never_fired"])


def test_a_question_is_answered_and_leaves_no_trace(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        denied = ask("explain", url="http://shop.example/refused/x", listener="reverse", client="192.0.2.1")
        allowed = ask("explain", url="http://shop.example/", listener="reverse", client="192.0.2.1")
        with pytest.raises(Refused, match="say what is asked for"):
            ask("explain", listener="reverse")
        with pytest.raises(Malformed):
            ask("explain", url="nonsense", listener="reverse")
        _, reverse = ask("policies")["policies"]
        held = {each["id"]: each["keys"] for each in ask("limits")["limits"]}

    assert (denied["decision"]["verdict"], denied["decision"]["rule"]) == ("deny", "no-uploads")
    assert denied["why"][0] == "denied by rule `no-uploads`"
    assert allowed["decision"]["verdict"] == "allow"
    assert "no-uploads" in reverse["never_fired"]
    assert held == {"per-client": 0, "per-key": 0}
