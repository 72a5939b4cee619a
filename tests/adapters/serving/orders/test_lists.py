from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from addons.serving.control import Refused
from gateway.policy.errors import Malformed
from tests.adapters.serving.orders.asked import asking, written

if TYPE_CHECKING:
    from pathlib import Path


def test_lists_say_what_they_hold_and_where_that_is_from(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        first, _ = ask("lists")["lists"]

    assert (first["name"], first["entries"], first["source"], first["stale"]) == ("ads", 1, "the policy itself", False)
    assert (first["memory"], first["used_by"]) == (8, [])


def test_who_is_on_a_list_is_found_by_its_entry_in_every_spelling(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        found = ask("lists.lookup", subject="WWW.ADS.Example.")
        other = ask("lists.lookup", subject="other.example")

    assert [(each["listener"], each["name"], each["entry"]) for each in found["found"]] == [
        ("forward", "ads", "ads.example"),
        ("reverse", "ads", "ads.example"),
    ]
    assert (found["subject"], other["found"], other["looked_at"]) == ("www.ads.example", [], 2)


def test_a_question_about_nobody_is_refused(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        with pytest.raises(Refused, match="say who is looked for"):
            ask("lists.lookup")
        with pytest.raises(Malformed):
            ask("lists.lookup", subject="no host")


def test_fetching_is_written_down_with_who_ordered_it(tmp_path: Path) -> None:
    with asking(tmp_path) as ask:
        assert ask("lists.refresh") == {"fetched": [], "kept": 0}

    assert written(tmp_path) == [(1000, "somebody", "lists.refresh", {}, 0)]
