from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from addons.serving.orders.limits import _named
from gateway.audit.records.clients import truncated
from gateway.policy.addresses import Address
from gateway.policy.model import ABSENT
from tests.adapters.serving.orders.asked import NOW, asking
from tests.e2e.origin import client, read_answer, status_of

if TYPE_CHECKING:
    from pathlib import Path

ADDRESS = Address.parse("192.0.2.7")


def test_a_limit_says_how_many_it_holds_and_who_is_nearest_to_its_end(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        with client(ask.gateway.reverse) as wire:
            wire.sendall(b"GET / HTTP/1.1\r\nHost: shop.example\r\nX-Key: secret-of-mine\r\n\r\n")
            assert status_of(read_answer(wire)) == 200
        found = {(each["listener"], each["id"]): each for each in ask("limits")["limits"]}
        for most in ("0", "21", "x"):
            with pytest.raises(Refused, match="no number of keys"):
                ask("limits", most=most)

    limit = found["reverse", "per-client"]
    assert (limit["keys"], limit["capacity"], limit["rate"]["amount"]) == (1, 100_000, 60)
    assert limit["fullest"][0]["key"] == {"client.ip": "127.0.0.1"}
    assert found["forward", "per-client"]["keys"] == 0
    assert "secret-of-mine" not in str(found)


@pytest.mark.parametrize(
    ("told", "name", "value"),
    [
        ("192.0.2.7", "client.ip", ADDRESS),
        ("absent", "user", ABSENT),
        ("x.example", "host", "x.example"),
        ("a, b", "group", frozenset({"b", "a"})),
        ("0102", "path", b"\x01\x02"),
    ],
)
def test_keys_are_named_for_people(told: str, name: str, value: object) -> None:
    assert _named(name, value, NOW, None) == told


def test_a_client_is_named_as_the_log_names_it_and_fields_are_not_told() -> None:
    hidden = _named("header.x-key", ("secret",), NOW, None)

    assert _named("client.ip", ADDRESS, NOW, truncated) == "192.0.2.0/24"
    assert _named("client.ip", Address.parse("2001:db8::7").bucket, NOW, truncated) == "2001:db8::/48"
    assert hidden.startswith("hidden-")
    assert hidden != _named("header.x-key", ("other",), NOW, None)
