from __future__ import annotations

from gateway.policy.language.nodes import Entry, Mapping, Scalar
from gateway.policy.problems import Place

HERE = Place("x", 1, 1)


def test_a_group_is_asked_by_key_and_keeps_its_order() -> None:
    one, two = Scalar(1, "1", HERE), Scalar(2, "2", HERE)
    group = Mapping((Entry("b", HERE, one), Entry("a", HERE, two)), HERE)

    assert group.get("a") is two
    assert group.get("c") is None
    assert [entry.key for entry in group] == ["b", "a"]
