from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from gateway.policy.model import ABSENT, UNKNOWN
from tests.conditions import ALLOW, DENY, truth
from tests.gates import facts

if TYPE_CHECKING:
    from gateway.policy.kleene import Truth


@pytest.mark.parametrize(
    ("wanted", "asked", "host"),
    [
        (True, {"is": ["a.test"]}, "a.test"),
        (True, {"is": ["a.test"]}, "A.TEST."),
        (False, {"is": ["a.test"]}, "x.a.test"),
        (True, {"under": ["a.test"]}, "a.test"),
        (True, {"under": ["a.test"]}, "y.x.a.test"),
        (False, {"under": ["a.test"]}, "ba.test"),
        (False, {"under": ["a.test"]}, "test"),
        (False, {"below": ["a.test"]}, "a.test"),
        (True, {"below": ["a.test"]}, "x.a.test"),
        (False, {"below": ["a.test"]}, "ba.test"),
        (True, {"below": ["b.test", "a.test"]}, "x.a.test"),
        (True, {"in": ["@names"]}, "x.a.test"),
        (False, {"in": ["@bees"]}, "x.b.test"),
        (True, {"in": ["@names", "@bees"]}, "b.test"),
        (True, {"is": ["93.184.216.34"]}, "93.184.216.34"),
        (True, {"is": ["127.0.0.1"]}, "0x7f.1"),
        (False, {"below": ["a.test"]}, "93.184.216.34"),
        (False, {"is": ["a.test"]}, ABSENT),
        (None, {"is": ["a.test"]}, UNKNOWN),
        (None, {"in": ["@names"]}, UNKNOWN),
    ],
)
def test_names_are_compared_label_by_label(wanted: Truth, asked: Any, host: Any) -> None:
    for side in (DENY, ALLOW):
        assert truth("host", asked, facts(host=host), side) is wanted


@pytest.mark.parametrize(("wanted", "sni"), [(True, "x.a.test"), (False, "b.test"), (False, ABSENT), (None, UNKNOWN)])
def test_the_name_in_the_tls_hello_is_compared_like_a_host(wanted: Truth, sni: Any) -> None:
    known = facts(host="other.test", tls_sni=sni)

    assert truth("tls.sni", {"under": ["a.test"]}, known) is wanted
    assert truth("tls.sni", {"in": ["@names"]}, known) is wanted
