from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.model import ABSENT, UNKNOWN
from tests.conditions import ALLOW, DENY, truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth


@pytest.mark.parametrize(
    ("wanted", "asked", "given"),
    [
        (True, ["staff"], {"user": "alice"}),
        (False, ["staff"], {"user": "bob"}),
        (True, ["staff"], {"groups": ["staff", "other"]}),
        (True, ["staff", "build"], {"user": "bob"}),
        (True, ["build"], {"client": "10.9.1.1"}),
        (False, ["build"], {"client": "10.8.1.1"}),
        (True, ["lab"], {"client": "10.1.0.1"}),
        (False, ["staff"], {"user": ABSENT, "groups": ABSENT}),
        (None, ["staff"], {"user": UNKNOWN}),
        (None, ["staff"], {"groups": UNKNOWN}),
        (True, ["staff"], {"groups": UNKNOWN, "user": "alice"}),
        (True, ["build"], {"groups": UNKNOWN, "client": "10.9.1.1"}),
        (None, ["build"], {"client": UNKNOWN}),
    ],
)
def test_somebody_is_in_a_group_by_claim_by_name_or_by_network(wanted: Truth, asked: Any, given: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth("group", asked, facts(**{"client": "192.168.0.1", **given}), side) is wanted


def test_a_client_is_in_a_group_for_an_allow_only_with_all_its_addresses() -> None:
    translated = facts(client="64:ff9b::10.9.1.1")

    assert truth("group", ["build"], translated, DENY) is True
    assert truth("group", ["build"], translated, ALLOW) is False
