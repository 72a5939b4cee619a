from __future__ import annotations

from dataclasses import replace

import pytest

from gateway.policy.digest import canonical, policy_digest
from gateway.policy.headers import HeaderEdit
from gateway.policy.language.document import read_policy
from tests.strategies import contents

BASE = """version: 1
default: {action: allow}
lists: {nets: {type: network, items: [10.1.0.0/16]}}
rules:
  - {id: one, action: deny, reason: R, when: {method: [GET, POST]}}
  - {id: two, action: deny, reason: R, when: {client.ip: {in: ["@nets"]}}}
"""


def _digest(text: str, list_digest: str = "sha256:n") -> str:
    nets = replace(contents()["nets"], digest=list_digest)
    return policy_digest(read_policy(text, "p.yaml"), {"nets": nets, "unused": nets})


def test_layout_comments_and_order_are_no_part_of_what_a_policy_says() -> None:
    lines = BASE.splitlines()
    turned = "\n".join(["# a comment", *lines[:4], lines[5], lines[4].replace("[GET, POST]", "[POST,   GET]")])

    assert _digest(turned) == _digest(BASE)
    assert _digest(BASE).startswith("sha256:")
    assert len(_digest(BASE)) == len("sha256:") + 64


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("action: allow}", "action: deny}"),
        ("id: one", "id: uno"),
        ("[GET, POST]", "[GET]"),
        ("reason: R, when: {method", "reason: S, when: {method"),
        ("method: [GET, POST]}}", "method: [GET, POST]}, stage: shadow}"),
        ("10.1.0.0/16", "10.2.0.0/16"),
    ],
)
def test_whatever_changes_what_a_policy_says_changes_its_digest(old: str, new: str) -> None:
    assert old in BASE
    assert _digest(BASE.replace(old, new)) != _digest(BASE)


def test_the_contents_of_a_list_are_part_of_a_policy() -> None:
    assert _digest(BASE, "sha256:other") != _digest(BASE)


def test_the_order_of_fields_that_are_added_is_kept() -> None:
    one, other = HeaderEdit(add=(("A", "1"), ("A", "2"))), HeaderEdit(add=(("A", "2"), ("A", "1")))

    assert canonical(one) != canonical(other)
    assert canonical((1, 2)) == canonical((2, 1))
