"""Every request target in `paths.json` is sent and judged as it must be, or refused in the words it must be."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import pytest

from gateway.policy.errors import Malformed
from gateway.policy.paths import FORWARD_RULES, REVERSE_RULES, Target, TargetRules

TABLE = json.loads((Path(__file__).parent / "paths.json").read_text("utf-8"))
RULES: Final = {"reverse": REVERSE_RULES, "forward": FORWARD_RULES}
BOTH: Final = pytest.mark.parametrize("rules", RULES.values(), ids=RULES.keys())

REFUSED: Final = [
    (sentence, raw, rules)
    for name, rows in TABLE["refused"].items()
    for sentence, targets in rows.items()
    for raw in targets
    for rules in (RULES.values() if name == "both" else [RULES[name]])
]


@pytest.mark.parametrize(("raw", "rules", "sent", "changed", "forms"), TABLE["accepted"])
def test_a_target_is_sent_and_judged_in_its_one_form(
    *, raw: str, rules: str, sent: str, changed: bool, forms: list[str]
) -> None:
    target = Target.parse(raw, RULES[rules])

    assert (sent, changed, tuple(forms)) == (target.sent, target.changed, target.forms)
    assert raw == target.raw


@pytest.mark.parametrize(("sentence", "raw", "rules"), REFUSED)
def test_what_has_no_canonical_form_is_refused_in_plain_words(sentence: str, raw: str, rules: TargetRules) -> None:
    with pytest.raises(Malformed) as refusal:
        Target.parse(raw, rules)

    assert sentence in str(refusal.value)
    assert str(refusal.value).isprintable()


@BOTH
@pytest.mark.parametrize("raw", TABLE["names_admin"])
def test_a_deny_of_admin_sees_every_spelling_of_it(raw: str, rules: TargetRules) -> None:
    assert "/admin" in Target.parse(raw, rules).forms


@BOTH
@pytest.mark.parametrize("raw", TABLE["names_admin_or_is_refused"])
def test_no_odd_spelling_of_admin_passes_unseen(raw: str, rules: TargetRules) -> None:
    assert fate_of_admin(raw, rules) in {"seen", "refused"}


def fate_of_admin(raw: str, rules: TargetRules) -> str:
    try:
        forms = Target.parse(raw, rules).forms
    except Malformed:
        return "refused"
    return "seen" if "/admin" in forms else "passed unseen"


@BOTH
@pytest.mark.parametrize("raw", TABLE["does_not_name_admin"])
def test_another_path_is_not_taken_for_admin(raw: str, rules: TargetRules) -> None:
    forms = Target.parse(raw, rules).forms

    assert "/admin" not in forms
    assert forms[0] != "/admin"
